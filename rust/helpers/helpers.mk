# SPDX-License-Identifier: GPL-2.0

# rb_helper_objs DRIVERS: the helpers of a module that has these drivers. All of `rb` is linked into each
# module, so each has helpers of all names; those for optical drives do something only where one of
# rb_optical_drivers is.
rb_helper_objs = rust/helpers/helpers.o \
	rust/helpers/$(if $(filter $(rb_optical_drivers),$(1)),cdrom.o,no_cdrom.o)

# As upstream: helpers have no prototype on purpose.
rb_helpers_warnings := -Wmissing-prototypes -Wmissing-declarations
CFLAGS_REMOVE_rust/helpers/helpers.o = $(rb_helpers_warnings)
CFLAGS_REMOVE_rust/helpers/cdrom.o = $(rb_helpers_warnings)
CFLAGS_REMOVE_rust/helpers/no_cdrom.o = $(rb_helpers_warnings)
