# SPDX-License-Identifier: GPL-2.0
#
# `DOC=y`: documentation of our crates. The kernel has no `rustdoc` target for
# external modules.

quiet_cmd_rb_rustdoc = RUSTDOC $(rb_doc_crate)
      cmd_rb_rustdoc = \
	OBJTREE=$(abspath $(objtree)) RUST_MODFILE=doc \
	$(RUSTDOC) $(filter-out --remap-path-scope=% --emit=%,$(rust_flags)) \
		-Zallow-features=$(rust_allowed_features) -Zcrate-attr=no_std \
		-Zcrate-attr='feature($(rust_allowed_features))' \
		-Zunstable-options --extern pin_init --extern kernel \
		--extern zerocopy --extern zerocopy_derive \
		-L$(objtree)/rust --sysroot=/dev/null \
		-Cunsafe-allow-abi-mismatch=fixed-x18 -Drustdoc::broken-intra-doc-links -Arustdoc::private-intra-doc-links \
		--generate-link-to-definition --document-private-items \
		$(rb_doc_externs) -L $(obj)/rust --enable-index-page \
		--crate-name $(rb_doc_crate) --output $(obj)/doc $<; touch $@

# rb_doc CRATE ROOT EXTERNS AFTER: one at a time, into one directory.
define rb_doc
always-$(DOC) += doc-$(1).stamp
$(obj)/doc-$(1).stamp: private part-of-module := y
$(obj)/doc-$(1).stamp: private rb_doc_crate := $(1)
$(obj)/doc-$(1).stamp: private rb_doc_externs := $(addprefix --extern ,$(3))
$(obj)/doc-$(1).stamp: $(src)/$(2) $(rb_generated) $(addprefix $(obj)/,$(4)) FORCE
	+$$(call if_changed,rb_rustdoc)
clean-files += doc-$(1).stamp
endef

$(eval $(call rb_doc,rb,rust/lib.rs,,))
$(eval $(call rb_doc,common,drivers/common/common.rs,rb,rust/lib.o doc-rb.stamp))
rb_doc_last := common
$(foreach d,$(rb_drivers), \
	$(eval $(call rb_doc,$(d),drivers/block/$(d)/$(d).rs,rb common,$(rb_common) doc-$(rb_doc_last).stamp)) \
	$(eval rb_doc_last := $(d)))
rb_doc_root := $(firstword $(rb_roots))
$(eval $(call rb_doc,$(rb_doc_root),drivers/$(rb_doc_root).rs,$(rb_drivers) rb,drivers/$(rb_doc_root).o doc-$(rb_doc_last).stamp))
clean-files += doc
