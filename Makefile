# SPDX-License-Identifier: GPL-2.0
#
# make help says what there is. What a target needs is fetched, installed or
# built on first use; kernels are kept in the cache directory.

# The kernel to build for: a build tree, or a distribution's headers. Without one, the
# running kernel's if the modules can be built for it, else the project's own `fast`
# test kernel.
KDIR ?=
# y: modules that bring all Rust code along; n: that link to the kernel's (scripts/module.sh).
STATIC ?=
export RB_STATIC ?= $(STATIC)
# The kernel that guests run: fast, debug, or a build tree.
KERNEL ?= fast
# Which tests: words that occur in their paths; on which kernels; FAST=1, the quick ones.
T ?=
K ?= fast debug
# Of which series these are, one or several; see scripts/kernel.sh.
KERNELS ?=
FAST ?=

# Where the commands go, below DESTDIR.
PREFIX ?= /usr/local
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
cargo_target = $(or $(CARGO_TARGET_DIR),target)

kdir = $(or $(KDIR),$(shell scripts/kernel.sh default))

.PHONY: all modules run test sim mutants swap bench torture blktests suites check shell doc kernels tools install \
	install-tools modules_install install-dkms deb rpm clean help

all: modules

modules:
	@ko=$$(scripts/module.sh "$(kdir)") && \
		echo "built $$ko, and beside it:" $$(sed -n 's/^rb_roots := rblk//p' Kbuild)

run:
	@echo '==> booting a guest with the module (built first, if need be)' >&2
	@scripts/deps.sh build rust
	@cargo build -q --release --locked -p rblk-pktcdvd -p rblk-ubd
	@RBLK_TTY=$$(! test -t 1 || echo 1) \
		scripts/vm --kernel "$(KERNEL)" --timeout 600 --drive dvd+rw --drive cdrw,strict \
		-- scripts/demo.sh

test:
	@scripts/test.sh $(if $(KERNELS),-s "$(KERNELS)") $(if $(FAST),-q,-k "$(K)") $(T)

# As root.
.PHONY: test-installed
test-installed:
	@scripts/installed.sh test

# For DURATION seconds each, or RUNS seeds; from SEED on.
sim:
	@cargo build -q --locked -p rblk-sim
	@$(cargo_target)/debug/rblk-sim $(T) --seed $(or $(SEED),1) \
		$(if $(RUNS),--runs $(RUNS),--seconds $(or $(DURATION),60))

mutants:
	@scripts/mutants.sh $(T)

bench:
	@QUICK=$(QUICK) scripts/bench.sh $(T)

# On the debug kernel if nothing else is said.
torture:
	@KERNEL="$(if $(filter file,$(origin KERNEL)),debug,$(KERNEL))" DURATION=$(DURATION) \
		SEED=$(SEED) ROUND=$(ROUND) CUTS=$(CUTS) scripts/torture.sh

blktests:
	@KERNEL="$(KERNEL)" BLKTESTS="$(BLKTESTS)" scripts/blktests.sh $(T)

suites:
	@KERNEL="$(KERNEL)" DURATION=$(DURATION) scripts/suites.sh

swap:
	@RBLK_SWAP_SECONDS=$(or $(DURATION),600) RBLK_SLOW=4 scripts/test.sh -k fast tests/nbd/swap

check:
	@scripts/check.sh

shell:
	@scripts/vm --kernel "$(KERNEL)" --timeout infinity --shell || :

doc:
	@out=$$(scripts/module.sh "$(KERNEL)" DOC=y) && \
		echo "documentation: $${out%/*}/doc/index.html"

kernels:
	@scripts/kernel.sh newest
	@for k in $(or $(foreach s,$(KERNELS),fast-$(s) debug-$(s)),fast debug); do \
		scripts/kernel.sh build $$k || exit; \
	done

# The commands, their manuals and completions for shells, below build/tools.
commands = pktcdvd rblk-nbd ubd
tools:
	@scripts/deps.sh build rust
	@cargo build -q --release --locked -p rblk-pktcdvd -p rblk-nbd -p rblk-ubd
	@rm -rf build/tools
	@for c in $(commands); do $(cargo_target)/release/$$c-generate build/tools || exit; done
	@echo "built $(commands:%=$(cargo_target)/release/%); their manuals are in build/tools"

install: modules_install install-tools

install-tools: tools
	install -D -t "$(DESTDIR)$(PREFIX)/sbin" $(commands:%=$(cargo_target)/release/%)
	install -D -m 644 -t "$(DESTDIR)$(PREFIX)/share/man/man8" build/tools/man8/*
	for c in $(commands); do \
		install -D -m 644 build/tools/completions/$$c.bash \
			"$(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$c" || exit; \
	done
	install -D -m 644 -t "$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d" \
		$(commands:%=build/tools/completions/%.fish)
	install -D -m 644 -t "$(DESTDIR)$(ZSHDIR)" $(commands:%=build/tools/completions/_%)
	tools/system/install.sh "$(PREFIX)" "$(DESTDIR)"

modules_install: modules
	@scripts/module.sh --install "$(kdir)"

# What DKMS builds the modules from, for systems without Debian's packages.
dkms_version = $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
install-dkms:
	@scripts/pack-parts.sh build/rust-parts
	scripts/dkms-tree.sh build/rust-parts "$(dkms_version)" "$(DESTDIR)"
	@echo 'now run: dkms install rblk/$(dkms_version)'

# Debian packages, below build/deb.
deb:
	@scripts/deps.sh rust deb
	@scripts/packages.sh deb

# The same for distributions that use rpm, where rpmbuild is.
rpm:
	@scripts/packages.sh rpm

clean:
	rm -rf build
	cargo clean -q 2>/dev/null || :

help:
	@echo 'make                    build the modules (KDIR=: for that build tree, or headers;'
	@echo '                          STATIC=y: with all Rust code, STATIC=n: with the kernel'"'"'s)'
	@echo 'make run                the demonstration: real files through the packet driver'
	@echo 'make test               all tests, in guests (T="words": only tests whose path has one;'
	@echo '                          K="fast debug": on these kernels; KERNELS="7.2 7.3": of these'
	@echo '                          series; FAST=1: what is quick, for before a commit; STATIC=y:'
	@echo '                          the modules bring all Rust code along)'
	@echo 'make test-installed     our packages on a Debian system of its own in a guest, from apt install'
	@echo '                          to removal (as root)'
	@echo 'make mutants            small faults, one after the other, and whether tests notice'
	@echo '                          (T="words": those with such names)'
	@echo 'make bench              our drivers beside the kernel'"'"'s: instructions, throughput'
	@echo '                          (QUICK=1: in a few minutes; T="words": suites that begin so)'
	@echo 'make swap               swap to network block devices (DURATION=600 seconds, five guests)'
	@echo 'make sim                whole drivers on the host, under schedules and faults: DURATION=,'
	@echo '                        SEED=, RUNS=; T="words" takes these scenarios'
	@echo 'make torture            random things to checked disks, faults, power cuts, on the debug'
	@echo '                          kernel (DURATION=600 seconds; SEED=; KERNEL=fast)'
	@echo 'make blktests           the block tests of a blktests tree, BLKTESTS=DIR, on our disks'
	@echo 'make suites             stress-ng and fsx on our disks (DURATION=20 seconds each)'
	@echo 'make check              formatting, lints, style, the rules for unsafe code'
	@echo 'make shell              an interactive guest with the module (KERNEL=debug)'
	@echo 'make doc                documentation of rust/ and drivers/'
	@echo 'make kernels            build the test kernels now, rather than when needed, of the newest'
	@echo '                          source that Debian has (KERNELS="7.2 7.3": of these series)'
	@echo 'make tools              the commands pktcdvd, rblk-nbd and ubd, manuals and completions for shells'
	@echo 'make install-tools      install them below PREFIX (/usr/local), with rules for udev and units'
	@echo '                          for systemd'
	@echo 'make modules_install    install the modules for the kernel they were built for'
	@echo 'make install            all of these (as root)'
	@echo 'make install-dkms       install the sources that DKMS builds the modules from'
	@echo 'make deb                Debian packages of the modules (for DKMS) and of the commands'
	@echo 'make rpm                the same for distributions with rpm, where rpmbuild is'
	@echo 'make clean              remove what was built here (the cache stays)'
	@echo
	@echo 'RBLK_CACHE=DIR          where kernels and tools are kept ($${XDG_CACHE_HOME:-~/.cache}/rblk)'
	@echo 'LINUX_SRC=DIR           kernel source to use instead of Debian'"'"'s package'
