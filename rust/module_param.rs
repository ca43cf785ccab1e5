// SPDX-License-Identifier: GPL-2.0

//! Module parameters that are visible in sysfs.
