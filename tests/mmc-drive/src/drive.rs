// SPDX-License-Identifier: GPL-2.0-or-later
//! The drive: commands in, answers out.

mod background;
mod config;
mod data;
mod execute;
mod format;
mod info;
mod inquiry;
mod line;
mod mode;
mod speed;
mod speeds;
mod state;
mod structure;
mod tray;

pub use execute::{Answer, Outcome, NOBODY};
pub use state::Drive;
