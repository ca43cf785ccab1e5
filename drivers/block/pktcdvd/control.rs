// SPDX-License-Identifier: GPL-2.0

//! Mapping devices.
//!
//! From the bottom: a [`mapping`]; the [`registry`] of all; the files of the [`class`] in sysfs, the
//! [control device](misc), and what the system has done before it [sleeps](sleep).

pub(crate) mod class;
pub(crate) mod mapping;
pub(crate) mod misc;
pub(crate) mod registry;
pub(crate) mod sleep;
