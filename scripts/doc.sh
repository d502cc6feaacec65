#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# doc.sh: rustdoc of the crates that drivers use, vring, kernel_ext and virtio, into build/doc. vring goes through cargo; the kernel's crates through rustdoc with the flags
# that the kernel compiles modules with, on the metadata that `make modules` left in build/stock.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

out=$TOP/build/doc
log=$TOP/build/doc.log
mkdir -p "$out"
"$TOP/scripts/modules.sh" stock >"$log" 2>&1 || die "the modules do not build (log: $log)" "make modules says why."

# document CRATE ROOT: what rust_common_cmd in the kernel's scripts/Makefile.build says, for rustdoc.
document() {
    local flags
    flags=$(sed -n -E "s/^savedcmd_.*:= *(.*)/\1/p" "$TOP/build/stock/$(dirname "$2")/.$(basename "$2" .rs).o.cmd")
    flags=${flags//\'/}
    [ -n "$flags" ] || die "make modules left no command for $2"
    in_root -- env RUSTC_BOOTSTRAP=1 bash -c '
        cd "$1/build/stock"
        set -f
        flags=()
        keep=
        for word in $5; do
            case $keep in
            flag) flags+=("$word"); keep=; continue ;;
            env) export "$word"; keep=; continue ;; # rustdoc does not know --env-set.
            esac
            case $word in
            --edition=* | --target=* | -L?* | --cfg=* | --sysroot=* | @*) flags+=("$word") ;;
            -L | --extern | --cfg | --sysroot) flags+=("$word"); keep=flag ;;
            --env-set) keep=env ;;
            RUST_MODFILE=*) export "$word" ;;
            -Zallow-features=* | -Zcrate-attr=*) flags+=("$word") ;;
            esac
        done
        exec rustdoc "${flags[@]}" -Zunstable-options --crate-name "$3" -o "$2" "$1/$4"
    ' doc "$TOP" "$out" "$1" "$2" "$flags"
}

in_root -- cargo doc --no-deps --quiet --manifest-path "$TOP/rust/vring/Cargo.toml" --target-dir "$RVIRTIO_CACHE/target/doc"
cp -r "$RVIRTIO_CACHE/target/doc/doc/." "$out/"
cd "$TOP"
document kernel_ext rust/kernel_ext/kernel_ext.rs
document virtio rust/virtio/virtio.rs
say "    $out"
