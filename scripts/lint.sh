#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lint.sh [--summary FILE] [fmt|CHECK...]: checks of the source text itself; without a name, all of them:
#   fmtcheck    rustfmt changes nothing               no-unsafe   drivers and vring hold no unsafe code, and say so
#   spdx        each source begins with its licence   shellcheck  the scripts
#   features    each implemented feature has a test   sample      its page tells all of it
#   inventory   the table of unsafe code is true
#   clippy      the kernel crates, no warning         frames      no function has a large stack frame
#   panics      what can panic was reviewed           waits       what waits was reviewed, and has an end
#   calls       what is called of the kernel was reviewed, all of it
#   runner      the hostile suite takes no crash for a pass
# fmt formats the Rust code.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$TOP/scripts/tally.sh"

cd "$TOP"
need_git

sources() { git ls-files --cached --others --exclude-standard -- "$@" | while read -r f; do [ ! -f "$f" ] || echo "$f"; done; }

rust_sources() { sources '*.rs'; }

rustfmt_all() {
    local files
    mapfile -t files < <(rust_sources)
    [ "${#files[@]}" -eq 0 ] || in_root -- rustfmt --edition 2021 "$@" "${files[@]}"
}
fmt() { rustfmt_all; }
fmtcheck() { rustfmt_all --check; }

# The word in comments is allowed; the attribute `unsafe_code` is another word.
no-unsafe() {
    local found=0 file folder name
    while read -r file; do
        if sed 's://.*$::' "$file" | grep -nw unsafe | sed "s:^:$file\::"; then found=1; fi
    done < <(sources 'rust/vring/*.rs' 'rust/virtio/*.rs' 'drivers/*.rs' 'samples/*.rs' | grep -v '/tests/')
    if [ -f rust/vring/vring.rs ]; then says 'forbid' rust/vring/vring.rs || found=1; fi
    says 'deny|forbid' rust/virtio/virtio.rs || found=1
    while read -r folder; do
        name=${folder##*/}
        says 'deny|forbid' "$folder/r${name#r}.rs" || found=1
    done < <({ sources 'drivers/*.rs' | cut -d/ -f1-3; sources 'samples/*.rs' | cut -d/ -f1-2; } | sort -u)
    return "$found"
}
says() {
    grep -qE "^#!\[($1)\(unsafe_code\)\]" "$2" 2>/dev/null || { echo "$2 does not say #![${1%%|*}(unsafe_code)]"; return 1; }
}

spdx() {
    local missing=0 file
    while read -r file; do
        case $file in
        *.rs | *.sh | *.py | *.c | *.h | *.config | *.list | *.toml | *.service | Makefile | Kbuild | */Makefile | */Kbuild) ;;
        *) head -c 2 "$file" | grep -q '^#!' || continue ;;
        esac
        head -n 2 "$file" | grep -q 'SPDX-License-Identifier: ' || { echo "$file has no SPDX line"; missing=1; }
    done < <(sources)
    return "$missing"
}

shellcheck() {
    local scripts
    mapfile -t scripts < <(sources | while read -r f; do
        if [[ $f == *.sh ]] || head -n 1 "$f" | grep -qE '^#!.*[ /](ba|da)?sh( |$)'; then echo "$f"; fi
    done)
    in_root -- shellcheck -S warning "${scripts[@]}"
}

clippy() { "$TOP/scripts/modules.sh" --clippy stock; }

features() { in_root -- python3 "$TOP/scripts/lint/features.py"; }

runner() { in_root -- python3 "$TOP/scripts/hostile/test_suite.py" 2>&1; }

inventory() { in_root -- python3 "$TOP/scripts/unsafe-inventory.py" --check; }

sample() { in_root -- python3 "$TOP/scripts/sample-check.py"; }

# The modules for the stock kernel, and the kernel's folder in `kernel`, once for all that look at them.
kernel=
made() {
    [ -z "$kernel" ] || return 0
    "$TOP/scripts/modules.sh" stock >/dev/null || return 1
    kernel=$("$TOP/scripts/kernel.sh" stock)
}

# rustc knows no -Wframe-larger-than, and the receive path of the network is deep. checkstack.pl counts a frame that is laid at two
# places twice, so this is about 2 KiB.
frames() {
    local module code large found=0
    made || return 1
    for module in "$TOP"/build/stock/*.ko; do
        code=$(in_root -- objdump -d "$module") || return 1
        large=$(in_root -- perl "$kernel/build/scripts/checkstack.pl" x86_64 3072 <<<"$code") || return 1
        [ -z "$large" ] || { echo "${module##*/}: $large"; found=1; }
    done
    return "$found"
}

# linked CHECK: a check of the linked modules, where it shows what the compiler has left in.
linked() {
    made || return 1
    in_root -- python3 "$TOP/scripts/lint/$1.py" --kernel "$kernel/build" "$TOP"/build/stock/*.ko
}
panics() { linked panics; }
waits() { linked waits; }
calls() { linked calls; }

summary=
[ "${1:-}" != --summary ] || { summary=$2; shift 2; }
[ $# -gt 0 ] || set -- fmtcheck no-unsafe spdx shellcheck features runner sample inventory clippy frames panics waits calls
for name in "$@"; do
    case $name in
    fmt) fmt ;;
    fmtcheck | no-unsafe | spdx | shellcheck | features | runner | sample | inventory | clippy | frames | panics | waits | calls) result "$name" "$name" ;;
    *) die "lint.sh knows no check $name" "The checks: fmtcheck no-unsafe spdx shellcheck features runner sample inventory clippy frames panics waits calls. fmt formats." ;;
    esac
done
summarize "$summary"
[ "$FAILED" -eq 0 ]
