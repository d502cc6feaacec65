#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh: boots Debian in a virtual machine whose disks, NIC and balloon stand on our drivers. At a terminal it gives a login shell; without
# one the guest reports on itself, and the exit status is its verdict. Environment:
#   DRIVERS=rvirtio|c  ours (default), or Linux' C drivers in the same guest, to compare
#   REPORT=1           the self-report even at a terminal
#   KEEP=1             keep the guest's disks of this run, and say where they are
#   LIMIT=SECONDS      the machine is killed then (default: 600 for the report, 12 hours for a shell)
#   QEMU_ARGS=...      more arguments for QEMU

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

DRIVERS=${DRIVERS:-rvirtio}
case $DRIVERS in
rvirtio) DRIVERS=rust ;;
rust | c) ;;
*) die "DRIVERS=$DRIVERS is neither rvirtio nor c" ;;
esac
report=${REPORT:-}
if [ ! -t 0 ] || [ ! -t 1 ]; then report=1; fi
if [ -n "$report" ]; then limit=${LIMIT:-600}; else limit=${LIMIT:-43200}; fi

# Bytes of the report's transfer, each way.
TRANSFER=67108864

begun=$SECONDS
OUT=$TOP/build/run
mkdir -p "$OUT"

need_root
[ -w "$OUT" ] || die "$OUT is another user's" "Remove $TOP/build, as that user."
"$TOP/scripts/tools.sh" >/dev/null
kernel=$("$TOP/scripts/kernel.sh" stock)
modules=()
if [ "$DRIVERS" = rust ]; then
    HINT="Mend the code: the log names the place." step "modules for $(cat "$kernel/release")" "$OUT/modules.log" \
        "$TOP/scripts/modules.sh" stock
    mapfile -t modules < <(find "$TOP/build/stock" -name '*.ko' | sort)
    [ "${#modules[@]}" -gt 0 ] || die "the build made no module in $TOP/build/stock"
fi
image=$("$TOP/scripts/image.sh" "${modules[@]}")

# Each run has a folder of its own for its disks, so that the image stays clean and two runs do not meet.
disks=$(mktemp -d "$RVIRTIO_CACHE/run.XXXXXX")
if [ -n "${KEEP:-}" ]; then
    say "    the disks of this run stay in $disks"
else
    trap 'rm -rf "$disks"' EXIT
fi
prepare() {
    local names=ext4 module early=()
    [ "$DRIVERS" = rust ] || names=ext4,virtio_blk
    # What the root disk needs; the rest is left to udev.
    for module in "${modules[@]}"; do
        case $module in */rvirtio.ko | */rvirtio_pci.ko | */rvirtio_blk.ko) early+=("$module") ;; esac
    done
    in_root -- "$TOP/scripts/image/initramfs.sh" "$kernel" "$OUT/initramfs" "$names" "${early[@]}"
    in_root -- qemu-img create -q -f qcow2 -b "$image" -F raw "$disks/root.qcow2"
    in_root -- qemu-img create -q -f qcow2 "$disks/data.qcow2" 1G
}
step "initramfs and disks" "$OUT/prepare.log" prepare

# KVM only where the CPU has it: a host can offer a /dev/kvm that opens and yet cannot run a guest.
accel=(-accel tcg,thread=multi -cpu max,la57=off)
if grep -qwE 'vmx|svm' /proc/cpuinfo && in_root -- test -w /dev/kvm; then accel=(-accel kvm -cpu host); fi

# A network of QEMU's own: it gives the guest its address, and leads nowhere but to the two ends of the report's transfer.
network=user,id=net,restrict=on
for way in takes=7001 gives=7002; do
    network+=",guestfwd=tcp:10.0.2.100:${way#*=}-cmd:$TOP/scripts/image/peer.sh ${way%=*} $disks $TRANSFER"
done

# The two in the middle: an emulated PC's clock is not worth a warning. The guest.* words are read by our own scripts there.
words=(console=ttyS0 root=/dev/vda panic=-1 no_timer_check trace_clock=global "guest.drivers=$DRIVERS")
if [ "$DRIVERS" = rust ]; then
    words+=(initcall_blacklist=virtio_pci_driver_init)
else
    words+=(module_blacklist=rvirtio,rvirtio_pci,rvirtio_blk,rvirtio_net,rvirtio_balloon,rvirtio_rng)
fi
machine=(
    qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot
    -machine q35 "${accel[@]}" -smp 2 -m 1024
    -kernel "$kernel/vmlinuz" -initrd "$OUT/initramfs"
    -drive "if=none,id=root,format=qcow2,file=$disks/root.qcow2"
    -device virtio-blk-pci,drive=root,serial=RVIRTIO-ROOT
    -drive "if=none,id=data,format=qcow2,file=$disks/data.qcow2"
    -device virtio-blk-pci,drive=data,serial=RVIRTIO-DATA
    -netdev "$network" -device virtio-net-pci,netdev=net,mac=52:54:00:12:34:56,romfile=
    -device virtio-balloon-pci,id=balloon
)
# shellcheck disable=SC2206
machine+=(${QEMU_ARGS:-})

if [ -z "$report" ]; then
    read -r rows columns < <(stty size)
    words+=(quiet systemd.show_status=1 "systemd.tty.term.ttyS0=${TERM:-vt220}" "systemd.tty.rows.ttyS0=$rows" "systemd.tty.columns.ttyS0=$columns")
    say "==> Debian on ${DRIVERS/#rust/rvirtio} drivers, ready to boot after $((SECONDS - begun)) s. Ctrl-A x ends it, Ctrl-A h helps."
    status=0
    in_root -- timeout --foreground -k 5 "$limit" "${machine[@]}" -serial mon:stdio -append "${words[*]}" || status=$?
    [ "$status" -ne 124 ] || die "the machine ran into its limit of $limit s" "Set LIMIT to more seconds."
    exit "$status"
fi

words+=(guest.report "guest.transfer=$TRANSFER" systemd.mask=serial-getty@ttyS0.service)
rm -f "$OUT/report.txt" "$OUT/host.txt"
boot() {
    local status=0
    in_root -- "$TOP/scripts/image/machine.py" "$limit" "$OUT/report.txt" "$disks/qmp" "$OUT/host.txt" "${machine[@]}" \
        -qmp "unix:$disks/qmp,server=on,wait=off" -serial "file:$OUT/console.log" -serial "file:$OUT/report.txt" \
        -append "${words[*]}" || status=$?
    tail -n 20 "$OUT/console.log"
    return "$status"
}
HINT="The console is in $OUT/console.log." step "Debian on ${DRIVERS/#rust/rvirtio} drivers: boot, report, power off" "$OUT/qemu.log" boot
[ -s "$OUT/report.txt" ] || die "the guest gave no report" "Its console is in $OUT/console.log."
tr -d '\r' <"$OUT/report.txt"
echo "As the host saw it:"
cat "$OUT/host.txt"
say "    console: $OUT/console.log   report: $OUT/report.txt   in all: $((SECONDS - begun)) s"
grep -q '^verdict: pass' "$OUT/report.txt" || die "the guest's verdict is not pass" "Look for FAIL above, and at $OUT/console.log."
if grep -q '^FAIL' "$OUT/host.txt" || ! grep -q '^ok' "$OUT/host.txt"; then
    die "the balloon did not do what it should, as the host saw it" "Look for FAIL in the last lines above."
fi
