// SPDX-License-Identifier: GPL-2.0

//! The lower device: how it is opened, what is asked of it, and how it reports what happens to it.
//!
//! From the bottom: the [`turns`], which wake tasks; the [`fate`] of a device, commands to a [`drive`]; an
//! [`optical`] drive and a [`plain`] device; the [`session`] in which one of them is open.

pub(crate) mod activity;
pub(crate) mod card;
pub(crate) mod departure;
pub(crate) mod drive;
pub(crate) mod fate;
pub(crate) mod limits;
pub(crate) mod optical;
pub(crate) mod plain;
pub(crate) mod session;
pub(crate) mod turns;
