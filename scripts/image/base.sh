#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# base.sh FOLDER (as root, inside the tool root): makes the guest's Debian in FOLDER, without kernel and modules.

. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

tree=$1
here=$TOP/scripts/image
packages=$(grep -v '^#' "$here/packages.list" | paste -sd,)

# The same mirror as the tool root's.
mmdebstrap --mode=root --variant=minbase --include="$packages" "$SUITE" "$tree" /etc/apt/sources.list
rm -rf "$tree"/var/cache/apt/*.bin "$tree"/var/lib/apt/lists/*

echo rvirtio >"$tree/etc/hostname"
printf '127.0.0.1\tlocalhost rvirtio\n::1\tlocalhost\n' >"$tree/etc/hosts"
printf 'LABEL=rvirtio-root\t/\text4\terrors=remount-ro\t0\t1\n' >"$tree/etc/fstab"
printf 'Debian on rvirtio. poweroff ends the machine; Ctrl-A x kills it.\n' >"$tree/etc/motd"
chroot "$tree" passwd -d root

# A login shell on the serial console; a run without a terminal masks it (see run.sh) and gets the report instead.
getty=$tree/etc/systemd/system/serial-getty@ttyS0.service.d
mkdir -p "$getty"
cat >"$getty/autologin.conf" <<'CONF'
[Service]
ExecStart=
ExecStart=-/sbin/agetty --autologin root --keep-baud 115200 - $TERM
CONF
# Each boot starts from the same image: nothing to set up at a first boot, nothing to tidy in the background.
chroot "$tree" systemd-machine-id-setup
chroot "$tree" systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service

# Whatever NIC there is gets its address by DHCP.
cat >"$tree/etc/systemd/network/dhcp.network" <<'CONF'
[Match]
Type=ether

[Network]
DHCP=ipv4
LinkLocalAddressing=no
IPv6AcceptRA=no
CONF
chroot "$tree" systemctl enable systemd-networkd.service
