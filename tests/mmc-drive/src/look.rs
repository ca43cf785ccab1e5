// SPDX-License-Identifier: GPL-2.0-or-later
//! What a disc says of itself, where that is not what its kind says.

/// Departures from the usual answers.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The number that tells the disc from others, if it has one.
    pub id: Option<u32>,
    /// Current profile.
    pub profile: Option<u16>,
    /// Disc type (byte 8 of the disc information).
    pub disc_type: Option<u8>,
    /// Not erasable.
    pub not_erasable: bool,
    /// State of the last session.
    pub border: Option<u8>,
    /// Track: reserved and blank.
    pub reserved_blank: bool,
    /// Track: packets of varying size.
    pub varying: bool,
    /// Track: not in packets.
    pub no_packets: bool,
    /// Track: data mode.
    pub data_mode: Option<u8>,
    /// Track: blocks of a packet.
    pub packet: Option<u32>,
    /// Track: a valid last recorded address.
    pub last_recorded: bool,
}
