# SPDX-License-Identifier: GPL-2.0
#
# Exports every Rust symbol that rvirtio.ko defines, so that a module built in
# a tree of its own can use the crates, too. C's EXPORT_SYMBOL works on symbols,
# not on types, so a C file of `extern int` lines does it.

rvirtio-crate-objects := $(patsubst %,$(obj)/rust/%.o, \
	vring/vring kernel_ext/kernel_ext virtio/virtio)

quiet_cmd_rvirtio_exports = EXPORTS $@
      cmd_rvirtio_exports = \
	$(NM) -p --defined-only $(rvirtio-crate-objects) | \
	awk '$$2 ~ /^[TRDB]$$/ && $$3 ~ /^_R/ && \
		$$3 !~ /_(init|cleanup)_module$$/ && $$3 !~ /__(pfx|cfi|odr_asan)/ \
		{ printf "EXPORT_SYMBOL_RUST_GPL(%s);\n", $$3 }' | sort -u > $@

$(obj)/rust/exports_generated.h: $(rvirtio-crate-objects) FORCE
	$(call if_changed,rvirtio_exports)

targets += rust/exports_generated.h

$(obj)/rust/exports.o: $(obj)/rust/exports_generated.h
CFLAGS_rust/exports.o := -I $(obj)/rust
