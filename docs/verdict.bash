# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# Completion of verdict(1) for bash: commands, options, scenario names.

# Names of the folders in scenarios/ that hold a scenario.yaml.
_verdict_scenarios()
{
	local file

	for file in scenarios/*/scenario.yaml; do
		[[ -e $file ]] || continue
		file=${file%/scenario.yaml}
		printf '%s\n' "${file#scenarios/}"
	done
}

_verdict_targets()
{
	local file

	for file in fixtures/targets/*.yaml; do
		[[ -e $file ]] || continue
		file=${file##*/}
		printf '%s\n' "${file%.yaml}"
	done
}

_verdict_reply()
{
	mapfile -t COMPREPLY < <(compgen "$@")
}

_verdict()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local commands='run explain replay record list bench inspect maps cluster doctor help' options=''

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		_verdict_reply -W "$commands --version --help" -- "$cur"
		return
	fi
	case $prev in
	--engine)
		_verdict_reply -W 'testrun netns all' -- "$cur"
		return
		;;
	-o)
		_verdict_reply "$([[ ${COMP_WORDS[1]} == record ]] && echo -d || echo -f)" -- "$cur"
		return
		;;
	--out | --objects | --cluster | --into)
		_verdict_reply -d -- "$cur"
		return
		;;
	--object | --maps | --ip)
		if [[ $prev != --maps || ${COMP_WORDS[1]} != cluster ]]; then
			_verdict_reply -f -- "$cur"
			return
		fi
		;;
	--node)
		return
		;;
	--target)
		_verdict_reply -W "$(_verdict_targets)" -- "$cur"
		return
		;;
	--expect)
		_verdict_reply -W verdicts -- "$cur"
		return
		;;
	--junit | --json | --capture)
		if [[ $prev != --json || ${COMP_WORDS[1]} == run ]]; then
			_verdict_reply -f -- "$cur"
			return
		fi
		;;
	--sweep)
		_verdict_reply -W 'all vlan ip-options extension-headers gso non-linear checksum-complete ipv6 seeds' -- "$cur"
		return
		;;
	--only)
		_verdict_reply -W 'engine events datapath replay' -- "$cur"
		return
		;;
	-k | --seconds | --step | --packet | --program | --type | --hook | --config | --map-size | --ifindex | --mark | \
		--rx-queue | --tunnel | --packets | --interface | --seed | --jobs | --nodes)
		return
		;;
	esac
	case ${COMP_WORDS[1]} in
	run) options='--engine -k -v --tap --junit --json --out --target --alone --objects --seed --shuffle --sweep --jobs --bless --pristine --help' ;;
	explain) options='--step --packet --all --monitor --target --objects --seed --help' ;;
	replay)
		options='--object --program --target --objects --hook --config --maps --map-size --type'
		options+=' --ifindex --ip --mark --rx-queue --tunnel --packets --interface --seed'
		options+=' --follow --pristine --expect --quiet -o --json -v --help'
		;;
	record)
		options='-o --object --program --target --objects --hook --config --maps --map-size --type'
		options+=' --ifindex --ip --mark --rx-queue --tunnel --packets --interface --seed'
		options+=' --follow --pristine --help'
		;;
	list) options='-k --json --help' ;;
	bench) options='--seconds --only --mode --nodes --cluster --capture --objects --help' ;;
	inspect) options='--json --no-load --program --type --help' ;;
	maps) options='--json --into --dry-run --help' ;;
	cluster) options='--node --maps --json --node-config --help' ;;
	doctor) options='--help' ;;
	help) options='--markdown --help' ;;
	esac
	if [[ $cur == -* ]]; then
		_verdict_reply -W "$options" -- "$cur"
		return
	fi
	case ${COMP_WORDS[1]} in
	run | list | explain)
		_verdict_reply -W "$(_verdict_scenarios)" -- "$cur"
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
		;;
	inspect | replay | record)
		_verdict_reply -f -- "$cur"
		;;
	maps)
		if ((COMP_CWORD == 2)); then
			_verdict_reply -W 'dump load diff' -- "$cur"
		else
			_verdict_reply -f -- "$cur"
		fi
		;;
	cluster)
		if ((COMP_CWORD == 2)); then
			_verdict_reply -W show -- "$cur"
		else
			_verdict_reply -d -- "$cur"
		fi
		;;
	help)
		_verdict_reply -W "$commands scenario targets fields" -- "$cur"
		;;
	esac
}

complete -o filenames -F _verdict verdict
