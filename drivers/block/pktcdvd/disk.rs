// SPDX-License-Identifier: GPL-2.0

//! What users of a disk touch: its requests, opens, ioctls and files.
//!
//! From the bottom: the [`users`]; a [`device`], its [`thread`], and those that [close](closer) the
//! drive and [report](keeper) the loss of its medium; [opening] and closing it, its [`ioctl`]s and
//! [`attributes`]; and the [`operations`], by which the block layer calls all that.

pub(crate) mod attributes;
pub(crate) mod closer;
pub(crate) mod device;
pub(crate) mod info;
pub(crate) mod ioctl;
pub(crate) mod keeper;
pub(crate) mod looks;
pub(crate) mod opening;
pub(crate) mod operations;
pub(crate) mod thread;
pub(crate) mod users;
