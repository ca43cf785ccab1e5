// SPDX-License-Identifier: GPL-2.0

//! Work queues that drain before they go.
