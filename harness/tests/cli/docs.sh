# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What the documentation shows is true: its scenarios run, its transcripts are what is printed, its links
# lead somewhere. Sourced by cli.sh.
# shellcheck disable=SC2154,SC2034,SC2016,SC2013

docs_tree=$(mktemp -d)
source_tree=$PWD
docs=(README.md docs/*.md)
for link in build fixtures netns; do
	ln -s "$source_tree/$link" "$docs_tree/$link"
done

# blocks FILE LANGUAGE: writes each fenced block of that language to $docs_tree/block.N, names them.
blocks() {
	rm -f "$docs_tree"/block.*
	awk -v lang="$2" -v to="$docs_tree/block." '
		/^```/ && !inside { inside = 1; take = ($0 == "```" lang); n += take; next }
		/^```/ { inside = 0; if (take) close(to n); next }
		inside && take { print > (to n) }' "$1"
	ls "$docs_tree"/block.* 2>/dev/null
}

# Without what differs from run to run, or with every line added to the datapath.
same_each_time() {
	sed -E 's/[0-9.]+ m?s(: .* of packets.*)?$/T/; s/(\.[ch]:)[0-9]+/\1N/g' "$@"
}

run_in_tree() {
	(cd "$docs_tree" && exec timeout 60 build/verdict "$@")
}

# scenario_block FILE BLOCK: as its name's folder under scenarios/.
scenario_block() {
	local name folder
	name=$(sed -n 's/^name: //p' "$2")
	folder=$docs_tree/scenarios/$name
	mkdir -p "$folder"
	cp "$2" "$folder/scenario.yaml"
	tried="the scenario $name of $1"
	if grep -q 'cilium-1.11' "$2"; then
		run_in_tree run "$name" >"$docs_tree/$name.out" 2>&1 </dev/null
		status=$?
		cp "$docs_tree/$name.out" "$output"
		expect_exit 1
		sed 's/, agent: cilium-1.11//' "$2" >"$folder/scenario.yaml"
		tried+=', mended'
	fi
	run_in_tree run "$name" >"$output" 2>&1 </dev/null
	status=$?
	expect_exit 0
}

n_scenarios=0
for doc in "${docs[@]}"; do
	for block in $(blocks "$doc" yaml); do
		grep -q '^steps:' "$block" || continue
		scenario_block "$doc" "$block"
		n_scenarios=$((n_scenarios + 1))
	done
done
expect_true 'the documentation shows at least three scenarios' [ "$n_scenarios" -ge 3 ]

# replay_alike: without what is the distribution's or the machine's.
replay_alike() {
	sed -E 's/; [0-9.]+ s$/; T/; s/SHA-256 [0-9a-f]+, [^,]*,/SHA-256 S, P,/; s/Linux .*/Linux K/
		s,^object [^ ]*/,object ,' "$@"
}

# Transcripts: "$ [sudo] build/verdict run NAME" of a scenario above, `explain`, `replay`, `record` and the blessing
# of what it wrote, and tshark on a capture.
for doc in "${docs[@]}"; do
	for block in $(blocks "$doc" ''); do
		command=$(sed -n '1s/^\$ //p' "$block")
		sed 1d "$block" >"$docs_tree/shown"
		case $command in
		*build/verdict\ record\ * | *build/verdict\ run\ --bless\ *)
			same_each_time "$docs_tree/shown" >"$docs_tree/expected"
			(cd "$docs_tree" && bash -c "${command#sudo }") 2>&1 </dev/null |
				same_each_time >"$docs_tree/actual"
			;;
		*build/verdict\ run\ *)
			same_each_time "$docs_tree/shown" >"$docs_tree/expected"
			same_each_time "$docs_tree/${command##* }.out" >"$docs_tree/actual"
			;;
		*build/verdict\ explain\ *)
			same_each_time "$docs_tree/shown" >"$docs_tree/expected"
			bash -c "${command#sudo }" 2>&1 </dev/null | same_each_time >"$docs_tree/actual"
			;;
		*build/verdict\ replay\ *)
			replay_alike "$docs_tree/shown" >"$docs_tree/expected"
			(cd "$docs_tree" && bash -c "${command#sudo }") 2>&1 </dev/null |
				replay_alike >"$docs_tree/actual"
			;;
		tshark\ *)
			cp "$docs_tree/shown" "$docs_tree/expected"
			(cd fixtures/captures && LC_ALL=C.UTF-8 bash -c "$command") >"$docs_tree/actual" 2>/dev/null
			;;
		*) continue ;;
		esac
		diff "$docs_tree/expected" "$docs_tree/actual" >"$output"
		status=$?
		tried="the transcript of '$command' in $doc"
		expect_exit 0
	done
done

# Each snippet of the table "you want to say, write" is an expectation that is read.
mkdir -p "$docs_tree/snippet"
n_snippets=0
while IFS= read -r snippet; do
	base='program: cil_from_netdev, '
	[[ $snippet != program:* ]] || base=
	cat >"$docs_tree/snippet/scenario.yaml" <<END
cluster: fixtures/clusters/two-masters
steps:
  - send: {capture: etcd.pcapng}
    expect: {$base$snippet}
END
	run_in_tree list snippet >"$output" 2>&1
	status=$?
	tried="'$snippet' of docs/writing-a-scenario.md"
	expect_exit 0
	n_snippets=$((n_snippets + 1))
done < <(sed -n '/^| you want to say/,/^$/p' docs/writing-a-scenario.md | grep -oE '`[a-z_]+: [^`]*`' | tr -d '`')
expect_true 'the table of expectations has snippets' [ "$n_snippets" -ge 14 ]

# The filter that the text gives finds the dropped packet, and its comment tells the reason.
if command -v tshark >/dev/null; then
	sed -i 's/\(restart: {node: master-0\)}/\1, agent: cilium-1.11}/' \
		"$docs_tree/scenarios/etcd-restart/scenario.yaml"
	run_in_tree run --engine testrun etcd-restart >/dev/null 2>&1
	expect_exit 0 tshark -r "$docs_tree/reports/out/etcd-restart-testrun.pcapng" \
		-Y 'frame.verdict.ebpf_tc == 2' -T fields -e frame.interface_name -e frame.comment
	expect_output '^master-0/eth0:cil_from_netdev\(\)@exit.*packet 15 of etcd.pcapng: dropped by cil_from_netdev: Policy denied \(133'
	expect_output 'NOT AS EXPECTED'
fi

# Links within the repository.
for doc in "${docs[@]}" scenarios/README.md fixtures/captures/README.md; do
	for link in $(grep -oE '\]\([^)#]+' "$doc" | cut -c3- | grep -v '://'); do
		expect_true "$doc: the link $link leads somewhere" [ -e "$(dirname "$doc")/$link" ]
	done
done

# Every scenario has its line, and every line its scenario.
find scenarios -name scenario.yaml -printf '%h\n' | sed 's|^scenarios/||' | sort >"$docs_tree/there"
grep -oE '^\| \[[^]]+\]\([^)]+\)' scenarios/README.md | sed 's/.*(\(.*\))/\1/; s|/$||' | sort >"$docs_tree/listed"
diff "$docs_tree/there" "$docs_tree/listed" >"$output"
status=$?
tried='scenarios/README.md lists exactly the scenarios that are there'
expect_exit 0

rm -rf "$docs_tree"
