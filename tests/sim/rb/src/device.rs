// SPDX-License-Identifier: GPL-2.0

//! Devices and device classes.

pub mod class;
pub mod class_device;
