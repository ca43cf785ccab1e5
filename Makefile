# SPDX-License-Identifier: GPL-2.0
#
# make help says what there is. What a target needs is fetched, installed or
# built on first use; kernels are kept in the cache directory.

# The kernel to build for: a build tree. Without one, the running kernel's if a
# Rust module can be built for it, else the project's own `fast` test kernel.
KDIR ?=
# The kernel that guests run: fast, debug, or a build tree.
KERNEL ?= fast
# Which tests: words that occur in their paths; and on which kernels.
T ?=
K ?= fast debug

kdir = $(or $(KDIR),$(shell scripts/kernel.sh default))

.PHONY: all modules run test swap bench check shell doc kernels install modules_install clean help

all: modules

modules:
	@ko=$$(scripts/module.sh "$(kdir)") && echo "built $$ko and nbd.ko beside it"

run:
	@echo '==> booting a guest with the module (built first, if need be)' >&2
	@RBLK_TTY=$$(! test -t 1 || echo 1) \
		scripts/vm --kernel "$(KERNEL)" --timeout 600 -- scripts/demo.sh

test:
	@scripts/test.sh -k "$(K)" $(T)

bench:
	@QUICK=$(QUICK) scripts/bench.sh $(T)

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
	@scripts/kernel.sh build fast
	@scripts/kernel.sh build debug

install: modules_install

modules_install: modules
	@scripts/module.sh --install "$(kdir)"

clean:
	rm -rf build
	for m in tests/*/Cargo.toml; do \
		cargo clean -q --manifest-path $$m 2>/dev/null || :; \
	done

help:
	@echo 'make                    build rblk.ko and nbd.ko (KDIR=: for that kernel build tree)'
	@echo 'make run                the demonstration: real files through the packet driver'
	@echo 'make test               all tests, in guests (T="words": only tests whose path has one;'
	@echo '                          K="fast debug": on these kernels)'
	@echo 'make bench              our drivers beside the kernel'"'"'s: instructions, throughput'
	@echo '                          (QUICK=1: in less than 5 minutes; T="words": these suites)'
	@echo 'make swap               swap to network block devices (DURATION=600 seconds, five guests)'
	@echo 'make check              formatting, lints, style, the rules for unsafe code'
	@echo 'make shell              an interactive guest with the module (KERNEL=debug)'
	@echo 'make doc                documentation of rust/ and drivers/'
	@echo 'make kernels            build the test kernels now, rather than when needed'
	@echo 'make modules_install    install them for the kernel they were built for (as root)'
	@echo 'make clean              remove what was built here (the cache stays)'
	@echo
	@echo 'RBLK_CACHE=DIR          where kernels and tools are kept ($${XDG_CACHE_HOME:-~/.cache}/rblk)'
	@echo 'LINUX_SRC=DIR           kernel source to use instead of Debian'"'"'s package'
