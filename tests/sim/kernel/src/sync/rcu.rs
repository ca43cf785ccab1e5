// SPDX-License-Identifier: GPL-2.0

//! RCU.

pub use crate::sim::rcu::{
    read_lock,
    Guard, //
};
