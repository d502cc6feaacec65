# SPDX-License-Identifier: GPL-2.0
#
# The front door. What each target does stands in scripts/; what the modules are made of stands in Kbuild.
#
# KDIR=<build tree>  a Rust-enabled Linux 7.3 tree of your own, built against with this machine's own tools. Without it,
#                    Debian's stock kernel and the tools of the tool root, both kept in RVIRTIO_CACHE. It counts only
#                    where it is given to make, not from the environment.

S := scripts
KDIR_GIVEN := $(filter command,$(firstword $(origin KDIR)))
KDIR_MAKE = $(MAKE) -C $(KDIR) M=$(CURDIR) MO=$(CURDIR)/build/kdir
PLACE = $(or $(INSTALL_MOD_PATH),$(DESTDIR))

# The same choice has the same name wherever there is one. A name that a target does not know ends it.
KERNEL ?= stock
choice = --kernel $(KERNEL) --driver $(patsubst rust,rvirtio,$(or $(DRIVERS),rvirtio)) $(ONLY:%=--only '%')
no = $(foreach name,$1,$(if $(filter command,$(firstword $(origin $(name)))),$(error make $@ knows no $(name); see make help)))

.PHONY: help modules run check lint hosttests selftest drills hostile fuzz bench clippy fmtcheck fmt doc install clean
.DEFAULT_GOAL := help

help: ## list these targets
	@sed -n -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

ifneq ($(KDIR_GIVEN),)
modules: ## build the modules: into build/stock, or with KDIR=<build tree> into build/kdir
	@$S/kdir.sh $(KDIR)
	@mkdir -p build/kdir
	+$(KDIR_MAKE) modules
else
modules:
	@$S/modules.sh stock
endif

run: ## boot Debian on the modules in QEMU; without a terminal: report and verdict (DRIVERS=c REPORT=1 KEEP=1 LIMIT=SECONDS QEMU_ARGS=...)
	$(call no,DRIVER KERNEL ONLY KIND)
	@$S/run.sh

check: ## lint, host tests, Debian guest, selftests and lying devices in VMs; a sample on the debug kernel (WHOLE=1: all)
	$(call no,DRIVER DRIVERS KERNEL ONLY KIND)
	@WHOLE=$(WHOLE) $S/check.sh

lint: ## checks of the source and of the linked modules (ONLY="NAME...", see scripts/lint.sh)
	@$S/lint.sh $(ONLY)

hosttests: ## cargo test, then each fuzz target of scripts/fuzz for some seconds; no VM
	$(call no,ONLY)
	@$S/hosttests.sh

selftest: ## cases in VMs (ONLY="PATTERN..." KERNEL=debug DRIVERS=c)
	$(call no,DRIVER KIND)
	@$S/modules.sh $(KERNEL)
	@$S/in-root --net -- $S/selftest/run.py $(choice)

drills: ## sleep, hot plug, rebinding and the like, each as often as it is meant to hold: hours (ONLY="PATTERN..." KERNEL=debug)
	$(call no,DRIVER KIND)
	@$S/modules.sh $(KERNEL)
	@$S/in-root --net -- $S/selftest/run.py $(choice) --drills

hostile: ## devices that lie, in VMs (ONLY="PATTERN..." KIND="block net balloon" KERNEL=debug DRIVERS=c)
	$(call no,DRIVER)
	@$S/modules.sh $(KERNEL)
	@$S/in-root --net -- $S/hostile/run.py $(choice) $(KIND:%=--kind %)

fuzz: ## devices made of random numbers, in VMs, for SECONDS=60 (SEED=1 LIVES=N KIND= KERNEL=debug DRIVERS=c)
	$(call no,DRIVER ONLY)
	@$S/modules.sh $(KERNEL)
	@$S/in-root --net -- $S/hostile/run.py $(choice) $(KIND:%=--kind %) \
		--fuzz $(or $(SECONDS),60) --seed $(or $(SEED),1) $(LIVES:%=--lives %)

bench: ## count instructions, kicks and interrupts against the C drivers (ONLY="PATTERN..." CONTROL=1: C against itself)
	$(call no,DRIVER DRIVERS KERNEL KIND)
	@$S/bench.sh

clippy: ## clippy over the kernel crates; any warning fails
	@$S/modules.sh --clippy stock

fmtcheck: ## is the Rust code formatted?
	@$S/lint.sh fmtcheck

fmt: ## format the Rust code
	@$S/lint.sh fmt

doc: ## rustdoc of the crates that drivers use, into build/doc; begin at virtio/index.html
	@$S/doc.sh

install: ## install the modules: for the stock kernel, or with KDIR=<build tree>; below DESTDIR or INSTALL_MOD_PATH
ifneq ($(KDIR_GIVEN),)
	+$(KDIR_MAKE) INSTALL_MOD_PATH=$(if $(PLACE),$(abspath $(PLACE))) modules_install
else
	@$S/install.sh "$(PLACE)"
endif

clean: ## remove build/; the cache stays
	rm -rf build
