// SPDX-License-Identifier: GPL-2.0

//! What waits for the thread of a device.

use crate::{
    engine::pieces::Nodes,
    logic::queue,
    lower::session::Session, //
};
use kernel::sync::Arc;

/// The requests of a device that its thread has not taken.
///
/// Lives in the spinlock `Hub::queue`, which is the innermost lock: nothing sleeps or takes another one
/// under it. Completions do not take it.
pub(crate) type Queue = queue::Queue<Arc<Session>, Nodes>;
