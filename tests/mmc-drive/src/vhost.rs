// SPDX-License-Identifier: GPL-2.0-or-later
//! The drives as targets of a vhost-user-scsi controller.

mod backend;
mod request;

pub use backend::Backend;
