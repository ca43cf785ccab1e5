// SPDX-License-Identifier: GPL-2.0

//! The reply to GET EVENT STATUS NOTIFICATION for events of the medium.

use super::reply::{
    Reply,
    ReplyError, //
};

/// The class of media events.
const MEDIA_CLASS: u8 = 4;

/// What happened to the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Nothing.
    None,
    /// Somebody has pressed the button.
    EjectRequest,
    /// A medium was put in.
    New,
    /// The medium was taken out.
    Removed,
    /// The medium was changed by a changer.
    Changed,
    /// Formatting in the background has ended, or was started anew.
    Formatting,
    /// Something that is not in the standard.
    Other(u8),
}

/// What the drive reports of its medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaStatus {
    /// What happened since it was asked last.
    pub event: Event,
    /// The tray is open.
    pub door_open: bool,
    /// There is a medium.
    pub present: bool,
}

impl MediaStatus {
    /// Reads the reply.
    ///
    /// # Errors
    ///
    /// [`ReplyError::Short`] if there is no event in it; [`ReplyError::Other`] if the drive has no
    /// events of media.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReplyError> {
        let reply = Reply::new(bytes).self_sized().require(4)?;

        if reply.has(2, 0x80) || reply.u8(2).map(|class| class & 7) != Some(MEDIA_CLASS) {
            return Err(ReplyError::Other);
        }
        let reply = reply.require(6)?;

        Ok(Self {
            event: match reply.u8(4).unwrap_or_default() & 0x0f {
                0 => Event::None,
                1 => Event::EjectRequest,
                2 => Event::New,
                3 => Event::Removed,
                4 => Event::Changed,
                5 | 6 => Event::Formatting,
                other => Event::Other(other),
            },
            door_open: reply.has(5, 1),
            present: reply.has(5, 2),
        })
    }
}
