// SPDX-License-Identifier: GPL-2.0

//! What the commands share.

pub mod json;
pub mod manual;
