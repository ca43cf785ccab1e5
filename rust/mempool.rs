// SPDX-License-Identifier: GPL-2.0

//! Pools of preallocated memory.
