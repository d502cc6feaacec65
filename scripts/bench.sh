#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# bench.sh [OPTION...]: compares our drivers with C's, see Documentation/benchmarks.md. Options are those of bench/bench.py; from the
# environment: ONLY="PATTERN..." jobs whose name matches; CONTROL=1 C's drivers with themselves; CLOCK=1 the clock as well.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

read -r -a only <<<"${ONLY:-}"
for pattern in "${only[@]}"; do set -- --only "$pattern" "$@"; done
[ -z "${CLOCK:-}" ] || set -- --clock "$@"
[ -z "${CONTROL:-}" ] || set -- --sides c,c "$@"
"$TOP/scripts/tools.sh" >/dev/null
"$TOP/scripts/kernel.sh" stock >/dev/null
step "modules for the stock kernel" "$LOGS/bench-modules.log" "$TOP/scripts/modules.sh" stock
in_root --net -- "$TOP/scripts/bench/bench.py" "$@"
