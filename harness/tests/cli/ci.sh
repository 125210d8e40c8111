# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What a CI job relies on: selection, exit codes, and reports that others read. Sourced by cli.sh.
# shellcheck disable=SC2154,SC2016

ci=$(mktemp -d)

# -k: parts and shell patterns, several of them
expect_exit 0 "$verdict" list -k ping -k 'etcd-two*'
expect_output '^ping-restart-mid-flow '
expect_output '^etcd-two-restarts '
expect_true 'two patterns choose two scenarios' [ "$(wc -l <"$output")" = 3 ]
expect_exit 4 "$verdict" run -k no-such-name --junit "$ci/none.xml" --out "$ci"
expect_output 'nothing ran: no scenario matched'
expect_true 'a run of nothing leaves a JUnit file of nothing' grep -q 'tests="0"' "$ci/none.xml"

# A report is no reason to replace a device, a link or a pipe by a file
mknod "$ci/null" c 1 3
ln -s target.xml "$ci/link.xml"
expect_exit 0 "$verdict" run --engine testrun -k ping --junit "$ci/null" --json "$ci/link.xml" --out "$ci"
expect_true 'a device that takes a report stays a device' [ -c "$ci/null" ]
expect_true 'a link to a report stays a link' [ -L "$ci/link.xml" ]
expect_true 'the report is where the link points' [ -s "$ci/target.xml" ]

# where nothing can be written, that is said before anything runs
expect_exit 3 "$verdict" run -k ping --junit "$ci" --out "$ci"
expect_output "cannot write $ci: Is a directory"
expect_no_output ' passed'

# One result of each kind
mkdir -p "$ci/s/good" "$ci/s/wrong" "$ci/s/unreadable"
for name in good wrong unreadable; do
	cat >"$ci/s/$name/scenario.yaml" <<END
name: $name
cluster: $PWD/fixtures/clusters/two-masters
engines: [testrun]
steps:
  - send: {capture: $PWD/fixtures/captures/etcd.pcapng, packets: 1-14}
    expect: {outcome: delivered}
END
done
sed -i 's/delivered/dropped/' "$ci/s/wrong/scenario.yaml"
sed -i 's/outcome/outcom/' "$ci/s/unreadable/scenario.yaml"
run_ci() {
	try "$verdict" run "$ci/s" --out "$ci" "$@"
}

run_ci -k good
expect_exit 0
run_ci -k good -k wrong
expect_exit 1
run_ci --tap --junit "$ci/junit.xml" --json "$ci/report.json"
expect_exit 2

# TAP, as Perl's own harness reads it
cp "$output" "$ci/out.tap"
if perl -MTAP::Parser -e 1 2>/dev/null; then
	expect_exit 0 perl -MTAP::Parser -e '
		open my $tap, "<", shift or die; my $text = join "", grep { !/^verdict: / } <$tap>;
		my $p = TAP::Parser->new({ tap => $text });
		my $yaml = 0;
		while (my $r = $p->next) { $yaml++ if $r->is_yaml; die $r->raw if $r->is_unknown }
		die join "; ", $p->parse_errors if $p->parse_errors;
		printf "%d planned, %d run, %d passed, %d failed, %d yaml\n", $p->tests_planned,
			$p->tests_run, scalar $p->passed, scalar $p->failed, $yaml' "$ci/out.tap"
	expect_output '^3 planned, 3 run, 1 passed, 2 failed, 2 yaml$'
	printf '#!/bin/sh\ncat "%s"\n' "$ci/out.tap" >"$ci/tap.t"
	printf '#!/bin/sh\nexec "%s" run -k good --tap --out "%s" "%s"\n' "$PWD/$verdict" "$ci" "$ci/s" >"$ci/good.t"
	expect_exit 0 prove -e sh "$ci/good.t"
	expect_output 'Result: PASS'
	expect_exit 1 prove -e sh "$ci/tap.t"
	expect_output 'Failed 2/3 subtests'
fi

# JUnit: only elements and attributes that Jenkins' schema (junit-10.xsd) knows, in its order
if command -v xmllint >/dev/null; then
	cat >"$ci/junit.xsd" <<'END'
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
 <xs:complexType name="problem" mixed="true">
  <xs:attribute name="type" type="xs:string"/><xs:attribute name="message" type="xs:string"/>
 </xs:complexType>
 <xs:element name="testsuites"><xs:complexType>
  <xs:sequence><xs:element name="testsuite" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:sequence>
   <xs:element name="properties" minOccurs="0"><xs:complexType><xs:sequence>
    <xs:element name="property" maxOccurs="unbounded"><xs:complexType>
     <xs:attribute name="name" type="xs:string" use="required"/>
     <xs:attribute name="value" type="xs:string" use="required"/>
    </xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element>
   <xs:element name="testcase" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
    <xs:choice minOccurs="0" maxOccurs="unbounded">
     <xs:element name="skipped" type="problem"/><xs:element name="error" type="problem"/>
     <xs:element name="failure" type="problem"/><xs:element name="system-out" type="xs:string"/>
     <xs:element name="system-err" type="xs:string"/></xs:choice>
    <xs:attribute name="name" type="xs:string" use="required"/>
    <xs:attribute name="classname" type="xs:string" use="required"/>
    <xs:attribute name="time" type="xs:decimal"/><xs:attribute name="file" type="xs:string"/>
   </xs:complexType></xs:element>
   <xs:element name="system-out" type="xs:string" minOccurs="0"/>
   <xs:element name="system-err" type="xs:string" minOccurs="0"/></xs:sequence>
   <xs:attribute name="name" type="xs:string" use="required"/>
   <xs:attribute name="tests" type="xs:nonNegativeInteger" use="required"/>
   <xs:attribute name="failures" type="xs:nonNegativeInteger"/>
   <xs:attribute name="errors" type="xs:nonNegativeInteger"/>
   <xs:attribute name="skipped" type="xs:nonNegativeInteger"/>
   <xs:attribute name="time" type="xs:decimal"/><xs:attribute name="timestamp" type="xs:dateTime"/>
  </xs:complexType></xs:element></xs:sequence>
  <xs:attribute name="name" type="xs:string"/><xs:attribute name="time" type="xs:decimal"/>
  <xs:attribute name="tests" type="xs:nonNegativeInteger"/>
  <xs:attribute name="failures" type="xs:nonNegativeInteger"/>
  <xs:attribute name="errors" type="xs:nonNegativeInteger"/>
  <xs:attribute name="skipped" type="xs:nonNegativeInteger"/>
 </xs:complexType></xs:element>
</xs:schema>
END
	expect_exit 0 xmllint --noout --schema "$ci/junit.xsd" "$ci/junit.xml"
	expect_exit 0 xmllint --noout --schema "$ci/junit.xsd" "$ci/none.xml"
	expect_exit 0 xmllint --xpath 'concat(count(//failure), " ", count(//error), " ", count(//testcase))' \
		"$ci/junit.xml"
	expect_output '^1 1 3$'
	expect_exit 0 xmllint --xpath 'string(//failure/@message)' "$ci/junit.xml"
	expect_output 'scenario.yaml:6: packet 1 \(etcd.pcapng, .*expected dropped, actual delivered'
	expect_exit 0 xmllint --xpath 'string(//failure)' "$ci/junit.xml"
	expect_output 'and [0-9]+ more packets like this: '
fi
rm -rf "$ci"
