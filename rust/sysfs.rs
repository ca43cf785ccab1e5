// SPDX-License-Identifier: GPL-2.0

//! Attributes, groups and links in sysfs.
