// SPDX-License-Identifier: GPL-2.0

//! A sparse array of pages.
