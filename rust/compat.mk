# SPDX-License-Identifier: GPL-2.0
#
# What the kernel at hand has: the `cfg`s of rust/compat.rs. C is asked by what its headers say.
# No header says anything of the `kernel` crate, so that is asked by the version in which it changed.

# rb_has NAME,HEADER,REGEX: whether the header has such a line.
rb_has = $(if $(shell grep -lE '$(3)' $(srctree)/$(2) 2>/dev/null),--cfg rb_has_$(1))
# rb_since NAME,VERSION,PATCHLEVEL: whether the kernel is of that version, or newer.
rb_since = $(if $(shell \
	test $$(($(VERSION) * 1000 + $(PATCHLEVEL))) -ge $$(($(2) * 1000 + $(3))) && echo y),--cfg rb_has_$(1))

rb_compat := $(strip \
	$(call rb_has,bi_offset,include/linux/bvec.h,^[[:space:]]*unsigned int[[:space:]]+bi_offset;) \
	$(call rb_since,raw_try_init,7,3) \
	$(call rb_since,owner_module,7,3))
