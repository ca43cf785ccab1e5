// SPDX-License-Identifier: GPL-2.0

//! Tests of the pure logic: tables of known cases, and properties checked against simple models.

mod buffer;
mod command;
mod contents;
mod coverage;
mod drive_world;
mod flusher;
mod life;
mod limits;
mod marks;
mod mmc;
mod nbd;
mod nbd_io;
mod nbd_io_world;
mod net_attr;
mod options;
mod policy;
mod queue;
mod ram_minors;
mod ram_names;
mod ram_options;
mod schedule;
mod state;
mod state_world;
mod tokens;
mod tree;
mod ubd;
mod users;
mod void_map;
mod zone;
