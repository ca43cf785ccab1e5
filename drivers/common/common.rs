// SPDX-License-Identifier: GPL-2.0

//! What the drivers have in common, and no other driver would want.

#![forbid(unsafe_code)]

pub mod bell;
pub mod disk_names;
pub mod refusal;
pub mod slots;
pub mod tokens;

rb::driver!("rblk");
