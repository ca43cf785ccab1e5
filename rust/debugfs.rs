// SPDX-License-Identifier: GPL-2.0

//! Files in debugfs that pin their module.
