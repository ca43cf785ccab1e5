// SPDX-License-Identifier: GPL-2.0-or-later
//! What drives of different makers do differently.

use std::time::Duration;

/// A way of a drive that is not the usual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// Refused writes are command sequence errors, 5/2c/00.
    SaysSequence,
    /// Refused writes are invalid fields, 5/24/00.
    SaysField,
    /// Refused writes are incompatible formats, 5/30/05.
    SaysFormat,
    /// A disc that was put in is not ready for a while.
    SlowReady,
    /// The track has packets of no size.
    NoPacketSize,
    /// READ TRACK INFORMATION fails.
    NoTrackInfo,
    /// Mode page 5 cannot be set unless the disc is a CD-RW.
    NoPage5,
    /// Mode page 5 cannot be set while a CD-RW is blank, or not closed.
    NoPage5Open,
    /// A DVD-RW wants mode page 5, as a CD-RW does.
    WantsPage5,
    /// Few features are listed.
    FewFeatures,
    /// The size is that of the track with its two run-out blocks, which cannot be read.
    RunOut,
    /// While the background format runs, the disc is as large as what is formatted.
    Grows,
    /// While the background format runs, what is not formatted cannot be read.
    Ice,
    /// How far something is, is not told.
    NoProgress,
    /// While something lasts, the drive says that it is ready, and refuses all else.
    LiesReady,
    /// A DVD-RAM that is formatted without certification keeps its size.
    KeepsSize,
    /// Write protection is told by nothing but refused writes.
    HidesProtection,
}

impl Quirk {
    /// All of them.
    pub const ALL: [(&'static str, Quirk); 17] = [
        ("says-sequence", Quirk::SaysSequence),
        ("says-field", Quirk::SaysField),
        ("says-format", Quirk::SaysFormat),
        ("slow-ready", Quirk::SlowReady),
        ("no-packet-size", Quirk::NoPacketSize),
        ("no-track-info", Quirk::NoTrackInfo),
        ("no-page5", Quirk::NoPage5),
        ("no-page5-open", Quirk::NoPage5Open),
        ("wants-page5", Quirk::WantsPage5),
        ("few-features", Quirk::FewFeatures),
        ("run-out", Quirk::RunOut),
        ("grows", Quirk::Grows),
        ("ice", Quirk::Ice),
        ("no-progress", Quirk::NoProgress),
        ("lies-ready", Quirk::LiesReady),
        ("keeps-size", Quirk::KeepsSize),
        ("hides-protection", Quirk::HidesProtection),
    ];
}

/// How long a disc is not ready with [`Quirk::SlowReady`].
pub const BECOMING_READY: Duration = Duration::from_secs(3);
/// Blocks behind the last one with [`Quirk::RunOut`].
pub const RUN_OUT: u32 = 2;

/// The ways of a drive.
#[derive(Clone, Debug, Default)]
pub struct Quirks(Vec<Quirk>);

impl Quirks {
    /// Reads `NAME[+NAME]...`; an empty text is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let names = text.split('+').filter(|name| !name.is_empty());
        let quirk = |name: &str| match Quirk::ALL.iter().find(|(known, _)| *known == name) {
            Some((_, quirk)) => Ok(*quirk),
            None => {
                let names = Quirk::ALL.map(|(name, _)| name).join(", ");
                Err(format!("{name}: the quirks are {names}"))
            }
        };
        names.map(quirk).collect::<Result<_, _>>().map(Self)
    }

    /// Whether it has this one.
    pub fn has(&self, quirk: Quirk) -> bool {
        self.0.contains(&quirk)
    }
}
