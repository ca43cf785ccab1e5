// SPDX-License-Identifier: GPL-2.0

//! From connecting a disk to disconnecting it: what was set up for it, and what follows from that.

pub(crate) mod device;
pub(crate) mod info;
pub(crate) mod life;
pub(crate) mod setup;
