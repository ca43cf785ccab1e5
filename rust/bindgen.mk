# SPDX-License-Identifier: GPL-2.0
#
# `bindgen` for an out-of-tree module. The rules follow the kernel's
# `rust/Makefile`, which an external module cannot reach.

ifdef CONFIG_CC_IS_CLANG
rb_c_flags = $(c_flags) -w
else
# libclang does not know these flags of GCC.
rb_gcc_only_flags := -mno-fp-ret-in-387 -mpreferred-stack-boundary=% \
	-mskip-rax-setup -mgeneral-regs-only -mindirect-branch=thunk-extern \
	-mindirect-branch-register -mfunction-return=thunk-extern \
	-mrecord-mcount -mindirect-branch-cs-prefix -mstack-protector-guard% \
	-mno-string -mdirect-extern-access -fconserve-stack -falign-jumps=% \
	-falign-loops=% -femit-struct-debug-baseonly -fno-ipa-cp-clone \
	-fno-ipa-sra -fno-partial-inlining -fplugin-arg-% \
	-fno-reorder-blocks -fno-allow-store-data-races -fasan-shadow-offset=% \
	-fzero-call-used-regs=% -fno-stack-clash-protection \
	-fno-inline-functions-called-once -fsanitize=bounds-strict \
	-fstrict-flex-arrays=% -fmin-function-alignment=% \
	-fzero-init-padding-bits=% -fdiagnostics-show-context% \
	--param=% --param asan-% -fno-isolate-erroneous-paths-dereference
rb_bindgen_target := $(if $(CONFIG_X86_64),x86_64,$(if $(CONFIG_ARM64),aarch64,$(SRCARCH)))-linux-gnu
rb_c_flags = $(filter-out $(rb_gcc_only_flags), $(c_flags)) \
	-w --target=$(rb_bindgen_target)
endif

rb_out := rust/bindings

quiet_cmd_rb_bindgen = BINDGEN $@
      cmd_rb_bindgen = \
	$(BINDGEN) $< $(rb_target_flags) --rust-target 1.85 \
		--use-core --with-derive-default --ctypes-prefix ffi --no-layout-tests \
		--no-debug '.*' --enable-function-attribute-detection \
		-o $@ -- $(filter-out $(CC_FLAGS_LTO), $(rb_c_flags)) \
		-fno-builtin -D__BINDGEN__ -DMODULE $(rb_target_extra)

$(obj)/$(rb_out)/bindings_generated.rs: private rb_target_flags = \
    $(shell grep -Ev '^\#|^$$' $(src)/rust/bindings/bindgen_parameters)
$(obj)/$(rb_out)/bindings_generated.rs: private rb_target_extra = ; \
    sed -Ei 's/pub const RUST_CONST_HELPER_([a-zA-Z0-9_]*)/pub const \1/g' $@
$(obj)/$(rb_out)/bindings_generated.rs: $(src)/rust/bindings/bindings_helper.h \
    $(src)/rust/bindings/bindgen_parameters FORCE
	$(call if_changed_dep,rb_bindgen)

$(obj)/$(rb_out)/bindings_helpers_generated.rs: private rb_target_flags = \
    --blocklist-type '.*' --allowlist-var '' \
    --allowlist-function 'rb_helper_.*'
$(obj)/$(rb_out)/bindings_helpers_generated.rs: private rb_target_extra = ; \
    sed -Ei 's/pub fn rb_helper_([a-zA-Z0-9_]*)/\#[link_name="rb_helper_\1"]\n    pub fn \1/g' $@
$(obj)/$(rb_out)/bindings_helpers_generated.rs: $(src)/rust/helpers/helpers.c FORCE
	$(call if_changed_dep,rb_bindgen)

# The tracepoints of the drivers that have some, in headers of theirs or of the kernel's, and nothing
# else that these bring.
$(obj)/$(rb_out)/bindings_events_generated.rs: private rb_target_flags = \
    --no-recursive-allowlist \
    --allowlist-file '.*/drivers/block/[^/]*/events[.]h' \
    $(foreach d,$(rb_traced_drivers),--allowlist-file '.*/(trace/events|uapi/linux)/$(d)[.]h') \
    --blocklist-item '__traceiter_.*|__SC[KT]__.*'
$(obj)/$(rb_out)/bindings_events_generated.rs: private rb_target_extra = \
    $(foreach d,$(rb_traced_drivers),-include $(src)/drivers/block/$(d)/events.h)
$(obj)/$(rb_out)/bindings_events_generated.rs: $(src)/rust/bindings/events_helper.h FORCE
	$(call if_changed_dep,rb_bindgen)

rb_generated_files := $(addprefix $(rb_out)/bindings_,generated.rs helpers_generated.rs events_generated.rs)
rb_generated := $(addprefix $(obj)/,$(rb_generated_files))
targets += $(rb_generated_files)
clean-files += $(rb_generated_files)

# `include!(concat!(env!("RB_OBJ"), ...))` finds the generated files with `MO=` too.
export RB_OBJ := $(abspath $(obj))
