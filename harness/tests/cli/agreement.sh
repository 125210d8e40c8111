# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# `verdict run --target`: each scenario on Verdict's own objects and on the target's, and where they agree. Sourced by
# cli.sh.
# shellcheck disable=SC2154,SC2034

agreement=$(mktemp -d)

# The same objects, set up otherwise: a policy judges established connections, too.
{
	sed 's/^name: .*/name: strict/' fixtures/targets/verdict.yaml
	echo 'config: {policy_on_established: true}'
} >"$agreement/strict.yaml"
run_both=("$verdict" run --engine testrun --out "$agreement/out" --target "$agreement/strict.yaml")

try "${run_both[@]}" --json "$agreement/run.json" --junit "$agreement/run.xml" \
	policy-applied-mid-flow pod-to-pod-one-node
expect_exit 1
expect_output '^ok +pod-to-pod-one-node +testrun '
expect_output '^ok +pod-to-pod-one-node +testrun-strict '
expect_output '^FAIL +policy-applied-mid-flow +testrun-strict '
expect_output '^  SCENARIO +ENGINE +OURS +strict$'
expect_output '^  pod-to-pod-one-node +testrun +passed +passed +agree$'
expect_output '^  policy-applied-mid-flow +testrun +passed +failed +differ: step 3, packet 4, outcome: ours delivered, theirs dropped \(POLICY 133\); and [0-9]+ more$'
expect_output '^1 agree, 1 differs$'
expect_output '^3 passed, 1 failed$'

tried='the JSON of a run on two targets'
jq -r '.agreement | "\(.target) \(.agree) \(.differ) \(.rows[0].is) \(.rows[0].differences[0].field)"' \
	"$agreement/run.json" >"$output" 2>&1
status=$?
expect_exit 0
expect_output '^strict 1 1 differ outcome$'

try "${run_both[@]}" --tap pod-to-pod-one-node policy-applied-mid-flow
expect_output '^1\.\.7$'
expect_output '^ok [56] - pod-to-pod-one-node \(testrun\) as on strict$'
expect_output '^not ok [56] - policy-applied-mid-flow \(testrun\) as on strict$'
expect_output '^ok 7 - documented differences of strict are there$'

# Documented, it is no failure; documented of one that agrees, it is.
cat >>"$agreement/strict.yaml" <<'YAML'
known:
- {scenario: policy-applied-mid-flow, step: 3, cause: choice, why: each packet is judged, reference: "x/y#1"}
YAML
try "${run_both[@]}" policy-applied-mid-flow pod-to-pod-one-node
expect_exit 0
expect_output '^skip +policy-applied-mid-flow +testrun-strict'
expect_output 'fails as documented: choice: each packet is judged \(x/y#1\)'
expect_output '^1 agree, 1 differ as documented, 0 differ$'
sed -i 's/scenario: policy-applied-mid-flow/scenario: [policy-applied-mid-flow, pod-to-pod-one-node]/' \
	"$agreement/strict.yaml"
try "${run_both[@]}" policy-applied-mid-flow pod-to-pod-one-node
expect_exit 1
expect_output 'strict\.yaml:[0-9]+: pod-to-pod-one-node no longer differs in this'
expect_output '; 1 documented difference is no longer there$'

try "${run_both[@]}" --alone pod-to-pod-one-node
expect_exit 0
expect_output '^ok +pod-to-pod-one-node +testrun '
expect_no_output 'SCENARIO|agree'

# Cilium's own, where they are at hand. What was compiled for other settings differs for that reason.
if [ -z "${VERDICT_CILIUM_OBJECTS:-}" ]; then
	echo "skip agreement with Cilium's objects: VERDICT_CILIUM_OBJECTS names no folder of them"
else
	try "$verdict" run --engine testrun --out "$agreement/out" --target cilium-1.19 \
		pod-to-pod-one-node policy-applied-mid-flow
	expect_output '^  SCENARIO +ENGINE +OURS +cilium-1\.19$'
	expect_output '^  policy-applied-mid-flow +testrun +passed +failed +documented: step 3, packet 4, outcome: '
	if ! grep -q 'compiled for other settings' "$output"; then
		tried="scenarios on Cilium's objects with each node's settings"
		expect_exit 0
		expect_output '^1 agree, 1 differ as documented, 0 differ$'
	fi
	try "$verdict" run --engine testrun --out "$agreement/out" --target cilium-1.19 \
		--sweep checksum-complete,vlan node-port-snat pod-to-pod-one-node
	if ! grep -q 'compiled for other settings' "$output"; then
		tried="their variants"
		expect_exit 0
		expect_output '^  node-port-snat +testrun +passed +failed +documented: sweep checksum-complete, step 2, packet 1, outcome: ours unchanged, theirs unmodelled '
		expect_output '^1 agree, 1 differ as documented, 0 differ$'
	fi
fi
rm -r "$agreement"
