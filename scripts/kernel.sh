#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kernel.sh [--update] stock|debug
#
# Makes a kernel in the cache, unless it is there, and prints its folder, $RVIRTIO_CACHE/kernels/<name>:
#   build/    the build tree, to be used as KDIR        vmlinuz   what QEMU boots
#   modules/  what goes below /lib/modules/<release>    release   as uname -r has it
#   llvm      1 where modules need LLVM=1, else empty   key       what it was made from
# stock: Debian's own kernel, unmodified; its build tree is Debian's source with Debian's configuration.
# debug: the same source with scripts/debug-kernel.config, built here with clang.
# --update: ask the archive again for the newest point release.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CONFIG=$TOP/scripts/debug-kernel.config
KERNELS=$RVIRTIO_CACHE/kernels
export KBUILD_BUILD_USER=rvirtio KBUILD_BUILD_HOST=rvirtio

# --- From the archive -------------------------------------------------------------------------------------------------

# The newest release of the series that the archive has for amd64, such as 7.3.4+deb13-amd64.
newest_release() {
    in_root --root -- apt-get -q update >&2
    in_root -- apt-cache pkgnames linux-headers- |
        sed -n -E "s/^linux-headers-(${SERIES//./\\.}\.[0-9]+[^-]*-amd64)\$/\1/p" | sort -V | tail -n 1
}

# fetch_deb FOLDER PACKAGE...: unpacks PACKAGE into FOLDER without installing it.
fetch_deb() {
    local folder=$1 deb
    shift
    mkdir -p "$folder/debs"
    (cd "$folder/debs" && in_root -- apt-get -q -t "$SUITE-backports" download "$@")
    for deb in "$folder"/debs/*.deb; do in_root -- dpkg -x "$deb" "$folder"; done
    rm -rf "$folder/debs"
}

# fetch_source RELEASE FOLDER: Debian's source and configuration of that very release.
fetch_source() {
    local release=$1 folder=$2 version
    version=$(in_root -- apt-cache madison "linux-source-$SERIES" |
        awk -v v="${release%%+*}" '{ split($3, a, "-"); if (a[1] == v) { print $3; exit } }')
    [ -n "$version" ] ||
        die "the archive has headers for $release but no linux-source-$SERIES of it" "The archive is being updated: try again later."
    fetch_deb "$folder" "linux-source-$SERIES=$version" "linux-config-$SERIES=$version"
}

unpack_source() {
    mkdir -p "$2"
    in_root -- tar --strip-components=1 -C "$2" -xf "$1/usr/src/linux-source-$SERIES.tar.xz"
}

need_release() {
    local release=$KERNELS/.release
    if [ ! -s "$release" ] || [ -n "$update" ]; then
        mkdir -p "$KERNELS"
        write_release() { newest_release >"$release.new"; }
        HINT="Is Debian's mirror reachable?" step "newest Linux $SERIES in $SUITE-backports" "$LOGS/release.log" write_release
        if [ ! -s "$release.new" ]; then
            die "Debian's $SUITE-backports has no linux-headers-$SERIES.*-amd64 any more: it has moved to a newer series" \
                "Raise SERIES in scripts/lib.sh and port the modules, or bring a cache folder that still holds the kernel."
        fi
        mv "$release.new" "$release"
    fi
    RELEASE=$(cat "$release")
}

need_source() {
    SOURCE=$KERNELS/source-${RELEASE%%+*}
    [ ! -d "$SOURCE" ] || return 0
    get() { rm -rf "$SOURCE.tmp"; fetch_source "$RELEASE" "$SOURCE.tmp"; mv "$SOURCE.tmp" "$SOURCE"; }
    HINT="Is Debian's mirror reachable?" step "kernel source ${RELEASE%%+*}" "$LOGS/source.log" get
}

# index_modules FOLDER RELEASE: writes modules.dep and its like, and moves the modules from FOLDER/tree to FOLDER/modules.
index_modules() {
    local modules=$1/tree/lib/modules/$2
    rm -f "$modules/build" "$modules/source"
    in_root -- depmod -b "$1/tree" "$2"
    mv "$modules" "$1/modules"
    rm -r "$1/tree"
}

# --- The two kernels --------------------------------------------------------------------------------------------------

# Debian ships no Rust metadata with its headers; its source, its configuration and its compilers make the same again.
make_stock() {
    local out=$1 build=$1/build
    unpack_source "$SOURCE" "$build"
    in_root -- xz -dc "$SOURCE/usr/src/linux-config-$SERIES/config.amd64_none_amd64.xz" >"$build/.config"
    in_root -- make -C "$build" olddefconfig
    in_root -- make -C "$build" -j"$(jobs)" KERNELRELEASE="$RELEASE" modules_prepare
    grep -q '^CONFIG_RUST=y' "$build/.config" || die "olddefconfig dropped CONFIG_RUST" "The tool root's rustc or bindgen does not fit."

    local image package debs=$out/debs
    for package in "linux-binary-unsigned-$RELEASE" "linux-binary-$RELEASE" "linux-image-$RELEASE"; do
        if in_root -- apt-cache show "$package" >/dev/null 2>&1; then image=$package; break; fi
    done
    [ -n "${image:-}" ] || die "the archive has no kernel image package for $RELEASE"
    fetch_deb "$debs" "$image" "linux-base-$RELEASE" "linux-modules-$RELEASE" "linux-headers-$RELEASE"
    cp "$debs/usr/src/linux-headers-$RELEASE/Module.symvers" "$build/"
    find "$debs" -type f -name 'vmlinuz*' -exec mv {} "$out/vmlinuz" \;
    mkdir -p "$out/tree/lib/modules"
    mv "$(find "$debs" -type d -path "*lib/modules/$RELEASE" | head -n 1)" "$out/tree/lib/modules/"
    index_modules "$out" "$RELEASE"
    rm -rf "$debs"
    [ -s "$out/vmlinuz" ] || die "$image holds no vmlinuz"
    echo "$RELEASE" >"$out/release"
    : >"$out/llvm"
}

options() { grep -E '^(# )?CONFIG_' "$CONFIG"; }

make_debug() {
    local out=$1 build=$1/build option
    unpack_source "$SOURCE" "$build"
    in_root -- make -C "$build" LLVM=1 tinyconfig
    options >>"$build/.config"
    in_root -- make -C "$build" LLVM=1 olddefconfig
    options | while read -r option; do
        case $option in
        "# "*) set -- "${option#\# }"; ! grep -q "^${1%% *}=" "$build/.config" ;;
        *) grep -qxF "$option" "$build/.config" ;;
        esac || die "the debug kernel's configuration lost: $option" "Mend scripts/debug-kernel.config."
    done
    in_root -- make -C "$build" LLVM=1 -j"$(jobs)" bzImage modules
    in_root -- make -C "$build" -s LLVM=1 kernelrelease >"$out/release"
    cp "$build/arch/x86/boot/bzImage" "$out/vmlinuz"
    in_root -- make -C "$build" LLVM=1 INSTALL_MOD_PATH="$out/tree" DEPMOD=true modules_install
    index_modules "$out" "$(cat "$out/release")"
    echo 1 >"$out/llvm"
    # What only the kernel's own link needed; KDIR keeps headers, host tools, Module.symvers and the Rust metadata.
    find "$build" -type f \( -name '*.o' -o -name '*.a' -o -name '*.ko' -o -name '.*.cmd' -o -name 'vmlinux*' \
        -o -name '.tmp_vmlinux*' -o -name 'bzImage' \) \
        ! -path "$build/scripts/*" ! -path "$build/tools/*" ! -path "$build/rust/*" ! -name '*.lds' -delete
}

# make_kernel NAME: under the lock; looks again, builds beside, renames, and points the name at it.
make_kernel() {
    local name=$1 key folder
    current "$name" && return 0
    need_release
    key=$(key_of "$name")
    folder=$KERNELS/$name-$RELEASE-$key
    if [ ! -d "$folder" ]; then
        need_space 8 "the $name kernel"
        need_source
        rm -rf "$KERNELS"/*.tmp
        mkdir -p "$folder.tmp"
        HINT="The log says why; a half-made kernel is dropped at the next try." \
            step "$name kernel $RELEASE" "$LOGS/kernel-$name.log" "make_$name" "$folder.tmp"
        echo "$key" >"$folder.tmp/key"
        mv -T "$folder.tmp" "$folder"
    fi
    ln -sfnT "$name-$RELEASE-$key" "$KERNELS/$name"
}

# What a kernel is made from, besides its release.
key_of() {
    case $1 in
    stock) { echo "stock 1 $ROOT_KEY"; } | hash_of ;;
    debug) { echo "debug 1 $ROOT_KEY"; options; } | hash_of ;;
    esac
}

current() { [ -z "$update" ] && [ "$(cat "$KERNELS/$1/key" 2>/dev/null)" = "$(key_of "$1")" ]; }

update=
[ "${1:-}" != --update ] || { update=1; shift; }
case ${1:-} in
stock | debug) ;;
*) die "kernel.sh: which kernel?" "Usage: kernel.sh [--update] stock|debug" ;;
esac
if ! current "$1"; then
    "$TOP/scripts/tools.sh" >/dev/null
    need_root
    locked kernels make_kernel "$1"
fi
printf '%s\n' "$KERNELS/$1"
