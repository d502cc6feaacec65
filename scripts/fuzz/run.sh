#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Builds a fuzz target and runs it for some seconds, with a stable compiler:
#
#	scripts/fuzz/run.sh split_device 60 [libFuzzer options]
#
# Without a target, it lists them. The coverage passes of LLVM are asked for by hand, as
# `cargo fuzz` would do; no sanitizer is needed, since the code under test forbids `unsafe`.
# The corpus grows in $FUZZ_CORPUS, by default a folder beside the build.
#
#	scripts/fuzz/run.sh --coverage [TARGET...]
#
# says which lines of the files under test the corpora reach, those of all targets without one: see
# coverage.py.
#
#	scripts/fuzz/run.sh --minimize TARGET
#
# keeps what of a corpus it takes to reach as much.

set -eu

cd "$(dirname "$0")"
top=$(cd ../.. && pwd)
build=${CARGO_TARGET_DIR:-$PWD/target}
corpora=${FUZZ_CORPUS:-$build/corpus}
host=$(rustc -vV | sed -n 's/^host: //p')

# build_target TARGET: with the flags of $RUSTFLAGS.
build_target() {
	export RUSTFLAGS
	# With --target the flags are not applied to build scripts, which have no fuzzer runtime.
	cargo build --locked --release --target "$host" --bin "$1"
}

coverage() {
	out=$build/coverage
	rm -rf "$out"
	mkdir -p "$out"
	RUSTFLAGS="--cfg fuzzing -Cinstrument-coverage ${RUSTFLAGS:-}"
	CARGO_TARGET_DIR=$build/covered
	export CARGO_TARGET_DIR
	objects=
	for target in "$@"; do
		[ -d "$corpora/$target" ] || { echo "there is no corpus of $target: run it first" >&2; exit 1; }
		build_target "$target" >&2
		binary=$CARGO_TARGET_DIR/$host/release/$target
		LLVM_PROFILE_FILE=$out/$target.profraw "$binary" -runs=0 "$corpora/$target" 2>"$out/$target.log"
		objects="$objects -object $binary"
	done
	llvm-profdata merge -sparse "$out"/*.profraw -o "$out/all.profdata"
	for format in lcov text; do
		# shellcheck disable=SC2086  # words
		llvm-cov export -format=$format -skip-expansions -instr-profile="$out/all.profdata" $objects \
			-ignore-filename-regex='/(registry|rustlib|scripts|tests)/' >"$out/all.$format"
	done
	python3 coverage.py "$top" "$out/all.lcov" "$out/all.text"
}

case ${1:-} in
'')
	ls fuzz_targets | sed 's/\.rs$//'
	exit 0
	;;
--coverage)
	shift
	# shellcheck disable=SC2046  # words
	[ $# -gt 0 ] || set -- $(ls fuzz_targets | sed 's/\.rs$//')
	coverage "$@"
	exit 0
	;;
--minimize)
	minimize=1
	shift
	;;
esac
target=$1
seconds=${2:-60}
[ $# -lt 2 ] || shift
shift

corpus=$corpora/$target
artifacts=$build/artifacts/$target

RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares ${RUSTFLAGS:-}"
build_target "$target"

mkdir -p "$corpus" "$artifacts"
set -- -artifact_prefix="$artifacts/" -max_len=512 "$@"
if [ -n "${minimize:-}" ]; then
	rm -rf "$corpus.new"
	mkdir "$corpus.new"
	"$build/$host/release/$target" "$@" -merge=1 "$corpus.new" "$corpus"
	rm -rf "$corpus"
	exec mv "$corpus.new" "$corpus"
fi
exec "$build/$host/release/$target" -max_total_time="$seconds" -print_final_stats=1 "$@" "$corpus"
