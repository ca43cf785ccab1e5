// SPDX-License-Identifier: GPL-2.0

//! A disk: its limits, and how it is opened and gets its requests.

pub(crate) mod attributes;
pub(crate) mod front;
