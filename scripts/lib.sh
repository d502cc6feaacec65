# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What every script here starts with: where things are, how to say what happens, and how to make a cache entry.
# Source it; it sets `set -euo pipefail`.

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# A plain `su` leaves root without these.
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# The Debian suite of the tool root and of the guest, and the kernel series that the modules are written for.
export SUITE=trixie
export SERIES=7.3

# --- Saying what happens ----------------------------------------------------------------------------------------------

# die CAUSE [REMEDY]
die() {
    printf 'error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf '       %s\n' "$2" >&2
    exit 1
}

say() { printf '%s\n' "$*" >&2; }

# Kills the process groups of the step that is running, so that Ctrl-C leaves nothing behind.
STEP_GROUPS=()
stop_step() {
    local group
    for group in "${STEP_GROUPS[@]}"; do
        # Behind sudo it is root's.
        kill -TERM -- "-$group" 2>/dev/null || [ "$(id -u)" -eq 0 ] || sudo -n kill -TERM -- "-$group" 2>/dev/null || true
    done
}

# beat LOG START: every 30 s, one line with the time and, where the log is a build's, how far the build is. Keeps sudo awake.
beat() {
    local objects
    while sleep 30; do
        stay_root
        objects=$(grep -cE '^  (CC|AS|LD|RUSTC|HOSTCC|AR) ' "$1" || true)
        if [ "$objects" -gt 0 ]; then
            say "    ... $((SECONDS - $2)) s, $objects objects built"
        else
            say "    ... $((SECONDS - $2)) s"
        fi
    done
}

# [HINT=REMEDY] step TITLE LOG COMMAND...: runs COMMAND with its output in LOG and says its name and its time. A failure
# ends the script, with the last lines of LOG and the remedy. Call it plainly, never in `if` or before `||`: there bash
# would not stop a function at its first failing command.
step() {
    local title=$1 log=$2 start=$SECONDS work pulse status=0
    shift 2
    mkdir -p "$(dirname "$log")"
    need_root
    say "==> $title"
    set -m
    (set +m; unasked; "$@") >"$log" 2>&1 </dev/null &
    work=$!
    (set +m; beat "$log" "$start") &
    pulse=$!
    set +m
    STEP_GROUPS=("$work" "$pulse")
    trap 'stop_step; exit 130' INT TERM HUP
    wait "$work" || status=$?
    trap - INT TERM HUP
    kill -TERM -- "-$pulse" 2>/dev/null || true
    wait "$pulse" 2>/dev/null || true
    if [ "$status" -ne 0 ]; then
        say "    failed after $((SECONDS - start)) s; the end of $log:"
        tail -n 25 "$log" | sed 's/^/    | /' >&2
        die "$title: failed" ${HINT:+"$HINT"}
    fi
    say "    done in $((SECONDS - start)) s (log: $log)"
}

# --- The cache --------------------------------------------------------------------------------------------------------

RVIRTIO_CACHE=${RVIRTIO_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/rvirtio}
mkdir -p "$RVIRTIO_CACHE" || die "cannot make the cache folder $RVIRTIO_CACHE" "Set RVIRTIO_CACHE to a folder you can write."
RVIRTIO_CACHE=$(cd "$RVIRTIO_CACHE" && pwd -P)
export RVIRTIO_CACHE
export LOGS=$RVIRTIO_CACHE/logs

case "$RVIRTIO_CACHE/" in
"$TOP"/*) die "the cache $RVIRTIO_CACHE lies inside the checkout" "Set RVIRTIO_CACHE to a folder outside $TOP." ;;
esac
case "$TOP$RVIRTIO_CACHE" in
*[[:space:]]*) die "make cannot work in paths with spaces: $TOP, $RVIRTIO_CACHE" "Move the checkout or set RVIRTIO_CACHE." ;;
esac

# hash_of: a short key of what comes in.
hash_of() { sha256sum | cut -c1-12; }

# need_space GIB WHAT
need_space() {
    local free
    free=$(df -Pk "$RVIRTIO_CACHE" | awk 'NR == 2 { print int($4 / 1048576) }')
    [ "$free" -ge "$1" ] ||
        die "$RVIRTIO_CACHE has $free GiB free, and $2 needs $1 GiB" "Free some space, or set RVIRTIO_CACHE to a larger disk."
}

# locked NAME COMMAND...: one process at a time makes a thing in the cache. COMMAND must look again whether it is there.
locked() {
    local name=$1
    shift
    mkdir -p "$RVIRTIO_CACHE/locks"
    (
        exec {lock}>"$RVIRTIO_CACHE/locks/$name"
        if ! flock -n "$lock"; then
            say "==> waiting for another run that makes $name"
            flock -w 5400 "$lock" || die "$name is locked for more than 90 minutes" "End the other run and try again."
        fi
        LOCK_FD=$lock "$@"
    )
}

# --- Root and the tool root -------------------------------------------------------------------------------------------

# Makes sure that root can be had, and asks for the password now rather than in the middle of a step.
need_root() {
    [ "$(id -u)" -ne 0 ] || return 0
    command -v sudo >/dev/null || die "this needs root, you are not root, and there is no sudo" "Run it as root, or install sudo."
    ! sudo -n true 2>/dev/null || return 0
    [ -z "${RVIRTIO_UNASKED:-}" ] || die "sudo wants a password, and nobody can be asked here" "Run it again, or as root."
    sudo -v || die "sudo did not let you in" "Run it as root."
}
# In what runs in the background: a question there would stop it for ever.
unasked() { export RVIRTIO_UNASKED=1; }
# sudo forgets after some minutes; steps take longer.
stay_root() { [ "$(id -u)" -eq 0 ] || sudo -n -v 2>/dev/null || true; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo --preserve-env=http_proxy,https_proxy,no_proxy -- "$@"; fi
}

# Lists of sources come from git; without it, checks would pass on nothing.
need_git() {
    git -C "$TOP" rev-parse --git-dir >/dev/null 2>&1 ||
        die "git does not read $TOP" "It has to be a clone; one that another user owns: git config --global --add safe.directory $TOP"
}

# The packages of the tool root, by suite: "trixie" or "backports".
packages() { awk -v suite="$1" '$1 == suite { print $2 }' "$TOP/scripts/packages.list"; }

ROOT_KEY=$({ echo "recipe 1 $SUITE"; packages trixie; packages backports; } | hash_of)
export TOOL_ROOT=${RVIRTIO_ROOT:-$RVIRTIO_CACHE/root-$ROOT_KEY}

in_root() { "$TOP/scripts/in-root" "$@"; }

jobs() { nproc; }
