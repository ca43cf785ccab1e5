// SPDX-License-Identifier: GPL-2.0-or-later
//! The model of a drive, command by command.

mod background;
mod bench;
mod data;
mod fault;
mod format;
mod hostile;
mod info;
mod kinds;
mod line;
mod quirks;
mod tray;
mod work;
