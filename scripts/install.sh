#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# install.sh [PREFIX]: builds the modules for Debian's stock kernel, puts them in PREFIX/lib/modules/<release>/updates, and
# tells depmod.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

prefix=${1:-}
release=$(cat "$("$TOP/scripts/kernel.sh" stock)/release")
if [ -z "$prefix" ]; then
    [ "$(uname -r)" = "$release" ] || [ -d "/lib/modules/$release" ] ||
        die "this machine has no kernel $release, for which the modules are built" \
            "Install linux-image-$release of $SUITE-backports, or ask for the newest one: scripts/kernel.sh --update stock. DESTDIR= names a folder instead."
    need_root
    run=as_root
else
    run='env'
fi
"$TOP/scripts/modules.sh" stock
mapfile -t modules < <(find "$TOP/build/stock" -name '*.ko' | sort)
"$run" install -D -m 644 -t "$prefix/lib/modules/$release/updates" "${modules[@]}"
if [ -n "$prefix" ]; then
    in_root --bind "$(realpath "$prefix")" -- depmod -b "$(realpath "$prefix")" "$release"
else
    depmod=$(PATH=$PATH:/sbin:/usr/sbin command -v depmod) || die "there is no depmod" "Install kmod, then run depmod $release."
    as_root "$depmod" "$release"
fi
say "installed in $prefix/lib/modules/$release/updates: $(basename -a "${modules[@]}" | paste -sd' ')"
