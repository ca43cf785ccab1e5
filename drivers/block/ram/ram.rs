// SPDX-License-Identifier: GPL-2.0

//! RAM disks.

#![forbid(unsafe_code)]
