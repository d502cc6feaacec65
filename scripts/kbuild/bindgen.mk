# SPDX-License-Identifier: GPL-2.0
#
# Declarations of our C helpers, over the types of the kernel's own bindings.
# rust/Makefile has the rule for the kernel itself, but no fragment to include:
# the flags that clang does not know are filtered here as they are there.

ifdef CONFIG_CC_IS_CLANG
rvirtio-bindgen-cflags = $(c_flags)
else
rvirtio-bindgen-skip := -mno-fp-ret-in-387 -mpreferred-stack-boundary=% \
	-mskip-rax-setup -mgeneral-regs-only -mindirect-branch=thunk-extern \
	-mindirect-branch-register -mfunction-return=thunk-extern -mrecord-mcount \
	-mindirect-branch-cs-prefix -mstack-protector-guard% -mno-string \
	-mno-strict-align -mstrict-align -mdirect-extern-access -mexplicit-relocs \
	-mno-check-zero-division -mno-pointers-to-nested-functions \
	-fconserve-stack -falign-jumps=% -falign-loops=% \
	-femit-struct-debug-baseonly -fno-ipa-cp-clone -fno-ipa-sra \
	-fno-partial-inlining -fno-reorder-blocks -fno-allow-store-data-races \
	-fasan-shadow-offset=% -fzero-call-used-regs=% \
	-fno-stack-clash-protection -fno-inline-functions-called-once \
	-fsanitize=bounds-strict -fstrict-flex-arrays=% \
	-fmin-function-alignment=% -fzero-init-padding-bits=% \
	-fdiagnostics-show-context -fdiagnostics-show-context=% --param=% \
	--param asan-% -fno-isolate-erroneous-paths-dereference
rvirtio-bindgen-cflags = $(filter-out $(rvirtio-bindgen-skip), $(c_flags)) \
	-w --target=x86_64-linux-gnu
endif

quiet_cmd_rvirtio_bindgen = BINDGEN $@
      cmd_rvirtio_bindgen = \
	$(BINDGEN) $< --rust-target 1.85 --use-core --ctypes-prefix ffi \
		--no-layout-tests --no-debug '.*' \
		$(shell sed -e '/^\#/d' -e "s/ .*/='&'/" -e "s/' /'/" \
			$(src)/rust/kernel_ext/bindgen_parameters) \
		-o $@ -- $(filter-out $(CC_FLAGS_LTO), $(rvirtio-bindgen-cflags)) \
		-fno-builtin -D__BINDGEN__ -DMODULE -Wno-missing-prototypes

$(obj)/rust/kernel_ext/bindings_generated.rs: \
		$(src)/rust/kernel_ext/bindings_helper.h $(src)/rust/kernel_ext/helpers.h \
		$(src)/rust/kernel_ext/helpers/rvirtio_trace.h \
		$(src)/rust/kernel_ext/bindgen_parameters FORCE
	$(call if_changed,rvirtio_bindgen)

targets += rust/kernel_ext/bindings_generated.rs
