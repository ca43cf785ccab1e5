// SPDX-License-Identifier: GPL-2.0

//! Misc devices that pin their module.
