#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Writes a capture as xdpdump 1.3.1 does, out of another one and the verdicts that its packets are to
# carry: xdpdump itself needs fentry, which a locked-down kernel refuses. What it writes: xdpdump(8),
# and options and their order in xdp-tools, lib/util/xpcapng.c. Little endian, as dumpcap writes here.
#
# Two interfaces a program, entry and exit; a record at each for every packet, with the same packet id;
# the verdict at exit. With several programs the first is the dispatcher, and the others run within.
use strict;
use warnings;

die "Usage: xdpdump.pl [--exit-only] IN OUT VERDICTS PROGRAM...\nVERDICTS: a letter a packet, ADPTR\n"
	if @ARGV < 4;
my $exit_only = $ARGV[0] eq '--exit-only' && shift;
my ($from, $to, $verdicts, @programs) = @ARGV;
my %number = (A => 0, D => 1, P => 2, T => 3, R => 4);

sub block {
	my ($type, $body) = @_;
	my $len = 12 + length $body;
	return pack('VV', $type, $len) . $body . pack('V', $len);
}

sub padded { return $_[0] . "\0" x (-length($_[0]) & 3) }

sub option {
	my ($code, $data) = @_;
	return pack('vv', $code, length $data) . padded($data);
}

# Timestamps and bytes of the enhanced packet blocks.
sub packets {
	my ($data, @found) = @_;
	for (my $at = 0; $at < length $data;) {
		my ($type, $len) = unpack 'VV', substr $data, $at, 8;
		my ($high, $low, $cap) = unpack 'x4VVV', substr $data, $at + 8, 16;
		push @found, [$high, $low, substr($data, $at + 28, $cap)] if $type == 6;
		$at += $len;
	}
	return @found;
}

sub record {
	my ($interface, $packet, $id, $verdict) = @_;
	my ($high, $low, $bytes) = @$packet;
	my $options = option(2, pack 'V', 1) . option(5, pack 'Q<', $id) . option(6, pack 'V', 0);
	$options .= option(7, pack 'Cq<', 2, $verdict) if defined $verdict;
	my $len = length $bytes;
	return block(6, pack('VVVVV', $interface, $high, $low, $len, $len) . padded($bytes) .
		$options . option(0, ''));
}

open my $in, '<:raw', $from or die "$from: $!\n";
my @packets = packets(do { local $/; <$in> });
die "$from has " . @packets . " packets, not " . length($verdicts) . "\n"
	if @packets != length $verdicts;

my $out = block(0x0a0d0d0a, pack('VvvVV', 0x1a2b3c4d, 1, 0, ~0 & 0xffffffff, ~0 & 0xffffffff) .
	option(4, 'xdpdump v1.3.1') . option(0, ''));
for my $program (@programs) {
	for my $side ('entry', 'exit') {
		$out .= block(1, pack('vvV', 1, 0, 262144) . option(2, "eth0:$program()\@f$side") .
			option(9, pack 'C', 9) . option(0, ''));
	}
}
my $id = 0;
for my $packet (@packets) {
	my $verdict = $number{ substr $verdicts, $id++, 1 };
	unless ($exit_only) {
		$out .= record(2 * $_, $packet, $id) for 0 .. $#programs;
	}
	$out .= record(2 * $_ + 1, $packet, $id, $verdict) for reverse 0 .. $#programs;
}
open my $file, '>:raw', $to or die "$to: $!\n";
print $file $out or die "$to: $!\n";
close $file or die "$to: $!\n";
