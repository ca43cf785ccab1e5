// SPDX-License-Identifier: GPL-2.0

//! Packet writing.

#![forbid(unsafe_code)]
