// SPDX-License-Identifier: GPL-2.0

//! Optical drives: commands, replies, rules, and the probe against drives that follow a script.
//!
//! Tests that begin with `g` and a number are about a defect of the C driver.

mod background;
mod commands;
mod drive;
mod medium;
mod probe;
mod replies;
mod sense;
mod speed;
mod write_page;
