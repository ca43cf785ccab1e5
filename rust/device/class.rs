// SPDX-License-Identifier: GPL-2.0

//! Device classes and their attributes.
