#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# peer.sh takes|gives FOLDER SIZE: the host's end of a transfer of the self-report, started by QEMU for each connection that
# the guest makes. takes: reads SIZE bytes and answers with their sha256. gives: sends SIZE random bytes, then their sha256.

case $1 in
takes) head -c "$3" | sha256sum ;;
gives)
    file=$(mktemp -p "$2")
    head -c "$3" /dev/urandom >"$file"
    cat "$file"
    sha256sum <"$file"
    rm -f "$file"
    ;;
esac
