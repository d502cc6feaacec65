#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools.sh: makes the tool root (see scripts/packages.list) in the cache, unless it is there, and prints its path.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Debian's mmdebstrap, and an archive keyring that knows the suite.
install_mmdebstrap() {
    command -v mmdebstrap >/dev/null && return 0
    command -v apt-get >/dev/null ||
        die "this machine has neither mmdebstrap nor apt-get" "Use a Debian 12 or 13 machine, or install mmdebstrap."
    get() {
        as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
            mmdebstrap debian-archive-keyring
    }
    HINT="apt-get must work here: mend the machine's package sources, then run this again." \
        step "install mmdebstrap on this machine" "$LOGS/mmdebstrap.log" get
}

# The suite's base system from mmdebstrap's own default mirror, plus the backports of that same mirror.
bootstrap() {
    local root=$1 sources=$1/etc/apt/sources.list proxy
    proxy=$(apt-config dump Acquire::http::Proxy 2>/dev/null || true)
    as_root mmdebstrap --mode=root --variant=minbase ${proxy:+--aptopt="$proxy"} "$SUITE" "$root"
    as_root sh -c '
        sed -n -E "s/^(deb .*) $2 main\$/\1 $2-backports main/p" "$1" | head -n 1 >"$1.d/backports.list"
        [ -z "$4" ] || printf "%s\n" "$4" >"$3/etc/apt/apt.conf.d/90host-proxy"
        printf "#!/bin/sh\nexit 101\n" >"$3/usr/sbin/policy-rc.d"
        chmod 755 "$3/usr/sbin/policy-rc.d"
        printf "Acquire::Retries \"3\";\nAPT::Sandbox::User \"root\";\n" >"$3/etc/apt/apt.conf.d/90rvirtio"
    ' sh "$sources" "$SUITE" "$root" "$proxy"
    [ -s "$sources.d/backports.list" ] || die "found no line '$SUITE main' in $sources to derive the backports line from"
}

install_packages() {
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends)
    in_root --root -- "${apt[@]}" update
    # shellcheck disable=SC2046
    in_root --root -- "${apt[@]}" install $(packages trixie)
    # shellcheck disable=SC2046
    in_root --root -- "${apt[@]}" -t "$SUITE-backports" install $(packages backports)
    in_root --root -- apt-get clean
}

make_root() {
    [ ! -d "$TOOL_ROOT" ] || return 0
    local done=$TOOL_ROOT tmp=$TOOL_ROOT.tmp
    need_space 16 "the tool root with the kernels and images"
    [ "$(uname -m)" = x86_64 ] || die "this machine is $(uname -m)" "The kernels and the guests are for x86-64; so has the machine to be."
    as_root unshare --mount true ||
        die "no mount namespace can be had here" "In a container: start it privileged. Elsewhere: run it as root."
    install_mmdebstrap
    as_root rm -rf --one-file-system "$tmp"
    HINT="Is Debian's mirror reachable, and the package debian-archive-keyring up to date?" \
        step "tool root: Debian $SUITE base system" "$LOGS/root-base.log" bootstrap "$tmp"
    HINT="Is Debian's mirror reachable? What was half made is dropped at the next try." RVIRTIO_ROOT=$tmp \
        step "tool root: compilers, Rust, QEMU" "$LOGS/root-packages.log" install_packages
    as_root mv -T "$tmp" "$done"
}

if [ ! -d "$TOOL_ROOT" ]; then
    need_root
    locked root make_root
fi
printf '%s\n' "$TOOL_ROOT"
