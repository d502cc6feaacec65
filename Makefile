# SPDX-License-Identifier: GPL-2.0
#
# The front door. What each target does stands in scripts/; what the modules are made of stands in Kbuild.
#
# KDIR=<build tree>  a Rust-enabled Linux 7.3+ tree of your own, built against with this machine's own tools. Without it,
#                    Debian's stock kernel and the tools of the tool root, both kept in RVIRTIO_CACHE. It counts only
#                    where it is given to make, not from the environment.

S := scripts
KDIR_GIVEN := $(filter command,$(firstword $(origin KDIR)))
KDIR_MAKE = $(MAKE) -C $(KDIR) M=$(CURDIR) MO=$(CURDIR)/build/kdir
PLACE = $(or $(INSTALL_MOD_PATH),$(DESTDIR))

.PHONY: help modules run check hostile fuzz bench clippy fmtcheck fmt doc install clean
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

run: ## boot Debian on the modules in QEMU; without a terminal: report and verdict (DRIVERS=c REPORT=1 KEEP=1)
	@$S/run.sh

check: ## lint, host tests, the Debian guest, VM selftests; a sample of them on the debug kernel (WHOLE=1: all)
	@WHOLE=$(WHOLE) $S/check.sh

hostile: ## the drivers against devices that lie (DRIVER=c: the C drivers)
	@$S/modules.sh stock
	@$S/in-root --net -- $S/hostile/run.py --kernel stock --driver $(or $(DRIVER),rvirtio)

fuzz: ## bind, use and unbind devices made of random numbers for SECONDS=N (KIND=block|net|balloon SEED=N LIVES=N KERNEL=debug)
	@$S/modules.sh $(or $(KERNEL),stock)
	@$S/in-root --net -- $S/hostile/run.py --kernel $(or $(KERNEL),stock) --fuzz $(or $(SECONDS),60) --seed $(or $(SEED),1) $(LIVES:%=--lives %) $(KIND:%=--kind %)

bench: ## count instructions, kicks and interrupts against the C drivers (ONLY=PATTERN jobs; CONTROL=1: C against itself)
	@$S/bench.sh

clippy: ## clippy over the kernel crates; any warning fails
	@$S/modules.sh --clippy stock

fmtcheck: ## is the Rust code formatted?
	@$S/lint.sh fmtcheck

fmt: ## format the Rust code
	@$S/lint.sh fmt

doc: ## rustdoc into build/doc
	@$S/doc.sh

install: ## install the modules: for the stock kernel, or with KDIR=<build tree>; below DESTDIR or INSTALL_MOD_PATH
ifneq ($(KDIR_GIVEN),)
	+$(KDIR_MAKE) INSTALL_MOD_PATH=$(if $(PLACE),$(abspath $(PLACE))) modules_install
else
	@$S/install.sh "$(PLACE)"
endif

clean: ## remove build/; the cache stays
	rm -rf build
