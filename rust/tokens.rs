// SPDX-License-Identifier: GPL-2.0

//! Splitting text into key=value tokens.
