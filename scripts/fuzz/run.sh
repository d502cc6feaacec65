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

set -eu

cd "$(dirname "$0")"
if [ $# -lt 1 ]; then
	ls fuzz_targets | sed 's/\.rs$//'
	exit 0
fi
target=$1
seconds=${2:-60}
[ $# -lt 2 ] || shift
shift

build=${CARGO_TARGET_DIR:-$PWD/target}
corpus=${FUZZ_CORPUS:-$build/corpus}/$target
artifacts=$build/artifacts/$target
host=$(rustc -vV | sed -n 's/^host: //p')

RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares ${RUSTFLAGS:-}"
export RUSTFLAGS

# With --target the flags are not applied to build scripts, which have no fuzzer runtime.
cargo build --locked --release --target "$host" --bin "$target"

mkdir -p "$corpus" "$artifacts"
exec "$build/$host/release/$target" -artifact_prefix="$artifacts/" -max_len=512 \
	-max_total_time="$seconds" -print_final_stats=1 "$@" "$corpus"
