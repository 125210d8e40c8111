#!/usr/bin/env perl
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Breaks the datapath by hand, one line at a time, and asks the test that is said to notice whether it does:
# see breaks.txt. Works on a copy of bpf/; needs root and what `make all tests` builds. Takes about 10 s a break on an idle machine.
use strict;
use warnings;
use File::Temp qw(tempdir);

my $list = 'harness/tests/breaks.txt';

if (grep { $_ eq '--help' } @ARGV) {
	print "Usage: harness/tests/breaks.pl [WORD...]\n\n",
		"Tries the breaks of $list whose line has one of the words; without words all.\n",
		"Ends with 1 if a break goes unnoticed, does not fit or does not compile.\n";
	exit 0;
}
(my $root = $0) =~ s{/?harness/tests/[^/]*$}{};
chdir($root || '.') or die "breaks.pl: cannot go to $root: $!\n";
my $build = $ENV{BUILD} || 'build';
my $work = tempdir('verdict-breaks-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my ($tried, @bad) = (0);
my %commands; # by object

sub slurp {
	my ($path) = @_;
	open(my $f, '<', $path) or die "breaks.pl: $path: $!\n";
	local $/;
	return scalar <$f>;
}

# As the Makefile compiles an object, but of the copy's source and into the copy.
sub compile {
	my ($object) = @_;
	my $command = $commands{$object} //=
		(grep { / -target bpf / } split /\n/, `make -n -B V=1 $build/bpf/$object.o 2>&1`)[0];
	die "breaks.pl: make does not say how $object.o is built\n" unless $command;
	$command =~ s{ -Ibpf\b}{ -I$work/bpf}g;
	$command =~ s{ bpf/$object\.c}{ $work/bpf/$object.c};
	$command =~ s{ -o \S+}{ -o $work/lib/bpf/$object.o};
	$command =~ s{ -MMD -MP}{};
	$command =~ s{ -Werror}{}g; # what is not used any more is no fault here
	return system("$command 2>$work/compiler") == 0;
}

sub bad {
	my ($what, $why) = @_;
	print "not ok $what: $why\n";
	push @bad, $what;
}

sub try_break {
	my ($what, $file, $objects, $test, $name, $from, $to) = @_;
	my $good = slurp("bpf/$file");
	my $at = index($good, $from);

	return bad($what, "$file has no \"$from\"") if $at < 0;
	return bad($what, "$file has \"$from\" more than once") if index($good, $from, $at + 1) >= 0;
	system("rm -rf $work/bpf $work/lib && cp -r bpf $work/bpf && mkdir -p $work/lib && " .
	       "cp -r $build/bpf $work/lib/bpf && mkdir -p $work/harness/scenario && " .
	       "cp harness/scenario/schema.h $work/harness/scenario/") == 0
		or die "breaks.pl: copying failed\n";
	my $broken = $good;
	substr($broken, $at, length($from)) = $to;
	open(my $f, '>', "$work/bpf/$file") or die "breaks.pl: $work/bpf/$file: $!\n";
	print $f $broken;
	close($f);
	for my $object (split /,/, $objects) {
		next if $object eq 'none';
		return bad($what, "$object does not compile: " . slurp("$work/compiler"))
			unless compile($object);
	}
	local $ENV{VERDICT_LIBDIR} = "$work/lib";
	local $ENV{VERDICT_SOURCE} = $work;
	local $ENV{VERDICT_BPF_DIR} = "$work/lib/bpf";
	my $said = `timeout 200 $build/tests/$test --filter='$name' 2>&1`;
	my ($run, $failed) = $said =~ /Tested: .*?(\d+).*Failing: .*?(\d+)/;
	return bad($what, "$test did not run $name: $said") unless $run;
	return bad($what, "$name of $test does not notice") unless $failed || $said =~ /CRASH/;
	print "ok $what ($test: $name)\n";
}

$| = 1;
for my $record (split /\n\n+/, slurp($list)) {
	$record =~ s/^#.*\n?//mg;
	next unless $record =~ /\S/;
	my ($what, $file, $objects, $test, $name, $from, $to) = $record =~
		/^(.+)\n  (\S+) (\S+) (\S+) (\S+)\n  - (.*?)\n  \+ (.*?)\n?\z/s;
	die "breaks.pl: cannot read this record of $list:\n$record\n" unless defined $to;
	next if @ARGV && !grep { index($what, $_) >= 0 } @ARGV;
	$tried++;
	try_break($what, $file, $objects, $test, $name, $from, $to);
}
printf "%d breaks tried, %d not as they should be\n", $tried, scalar @bad;
exit(@bad || !$tried ? 1 : 0);
