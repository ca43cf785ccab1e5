# SPDX-License-Identifier: GPL-2.0
#
# `RB_STATIC=y`: modules that bring all Rust code they use with them, and want of the kernel only
# what it exports to C. The build directory is one of `scripts/rust-kdir.sh --static`. Every crate
# is a library of bitcode there and here. The root of a module is compiled together with all of
# them (LTO): what nobody calls is not in the module, and need not be exported.

KBUILD_RUSTFLAGS := $(filter-out -Cembed-bitcode=n -Clto=n,$(KBUILD_RUSTFLAGS))

# rb_static_library OBJECT CRATE: an object that is made for its library only.
define rb_static_library
RUSTFLAGS_$(1) += --emit=link=$(obj)/rust/lib$(2).rlib
$(obj)/$(1): private part-of-module := y
targets += $(1)
clean-files += rust/lib$(2).rlib
endef
$(eval $(call rb_static_library,$(rb_lib),rb))
$(eval $(call rb_static_library,$(rb_common),common))
$(foreach d,$(rb_drivers),$(eval $(call rb_static_library,$(call rb_driver_objs,$(d)),$(d))))

# The root of a module: a library for C, of one object. Nothing else makes rustc do LTO, and leave
# the rest to the linker of the kernel.
quiet_cmd_rb_static_root = RUSTC [M] $@
      cmd_rb_static_root = \
	$(subst --crate-type rlib,--crate-type staticlib,$(rust_common_cmd)) \
		-Clto=fat --emit=link=$(@:.o=.a) $<; \
	test "$$($(AR) t $(@:.o=.a) | grep -c '^$(rb_crate)\.')" = 1 && \
	$(AR) p $(@:.o=.a) $$($(AR) t $(@:.o=.a) | grep '^$(rb_crate)\.') >$@; \
	rm -f $(@:.o=.a) \
	$(cmd_objtool)

define rule_rb_static_root
	$(call cmd_and_fixdep,rb_static_root)
	$(call cmd,gen_objtooldep)
endef

# The kernel's own helpers, once more: those files of them that have one which this module calls, or
# make names by ##. Others may want what is not exported, or is in a module. <linux/find.h> of the
# file with bit operations wants the header in front that the file with bitmaps has.
quiet_cmd_rb_helpers = HELPERS $@
      cmd_rb_helpers = \
	$(NM) -u $< | sed -n 's/.* \(rust_helper_.*\)/\1/p' >$(@:.c=.called); \
	{ echo '\#include <linux/bitmap.h>'; while IFS= read -r line; do \
		file=$${line\#*include \"}; file=$(srctree)/rust/helpers/$${file%\"}; \
		case $$line in \
		*include\ \"*) \
			grep -qF '\#\#' $$file || grep -qwFf $(@:.c=.called) $$file || continue ;; \
		esac; \
		printf '%s\n' "$$line"; \
	done <$(srctree)/rust/helpers/helpers.c; } >$@

# rb_static_root OBJECT MODULE CRATE
define rb_static_root
$(2)-y += rust/kernel_helpers_$(2).o
$(obj)/$(1): private rb_crate := $(3)
$(obj)/$(1): $(src)/$(1:.o=.rs) FORCE
	+$$(call if_changed_rule,rb_static_root)
$(obj)/rust/kernel_helpers_$(2).c: $(obj)/$(1) FORCE
	$$(call if_changed,rb_helpers)
CFLAGS_rust/kernel_helpers_$(2).o := -I$(srctree)/rust/helpers
CFLAGS_REMOVE_rust/kernel_helpers_$(2).o := -Wmissing-prototypes -Wmissing-declarations
targets += rust/kernel_helpers_$(2).c
clean-files += rust/kernel_helpers_$(2).c rust/kernel_helpers_$(2).called
endef
$(foreach r,$(rb_roots),$(eval $(call rb_static_root,drivers/$(r).o,$(r),$(r)_module)))
ifeq ($(CONFIG_KUNIT),y)
$(eval $(call rb_static_root,rust/tests/rb_kunit.o,rb_kunit,rb_kunit))
endif
