// SPDX-License-Identifier: GPL-2.0

//! The lower device, and what tells of it.

pub(crate) mod activity;
pub(crate) mod bell;
pub(crate) mod departure;
pub(crate) mod drive;
pub(crate) mod fate;
pub(crate) mod optical;
pub(crate) mod plain;
pub(crate) mod session;
