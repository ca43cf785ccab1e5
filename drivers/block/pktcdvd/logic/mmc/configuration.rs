// SPDX-License-Identifier: GPL-2.0

//! The reply to GET CONFIGURATION: the profile, and what the drive can do with the medium.

use super::{
    profile::Profile,
    reply::{
        Reply,
        ReplyError, //
    },
};

/// Bytes in front of the first feature.
const HEADER_LEN: usize = 8;

/// The feature of media that are written at any place. It is not in force for one that is write
/// protected.
pub const RANDOM_WRITABLE: u16 = 0x20;

/// The feature of Mount Rainier media.
const MRW: u16 = 0x28;

/// What is needed of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Configuration {
    /// The profile of the medium.
    pub profile: Profile,
    /// The medium is in the Mount Rainier format, and can be written so.
    pub mrw: bool,
    /// Whether the medium can be written at any place, if the drive reports it.
    pub random_writable: Option<bool>,
    /// How many blocks the medium is best written at a time, if the drive reports it.
    pub blocking: Option<u16>,
}

impl Configuration {
    /// What is known of a drive that does not have the command.
    pub const UNKNOWN: Self = Self {
        profile: Profile::UNKNOWN,
        mrw: false,
        random_writable: None,
        blocking: None,
    };

    /// Reads the reply, with or without features.
    ///
    /// # Errors
    ///
    /// [`ReplyError::Short`] if there is no profile.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReplyError> {
        let reply = Reply::new(bytes).require(HEADER_LEN)?;
        let got = reply.len();
        let profile = Profile(reply.u16(6).unwrap_or_default());
        let end = reply
            .u32(0)
            .and_then(|rest| usize::try_from(rest).ok()?.checked_add(4))
            .unwrap_or(got);
        let reply = reply.up_to(end).require(HEADER_LEN)?;
        let mut found = Self {
            profile,
            ..Self::UNKNOWN
        };

        for feature in FeatureList(reply.from(HEADER_LEN)) {
            found.take(feature);
        }
        Ok(found)
    }

    fn take(&mut self, feature: Feature<'_>) {
        match feature.code {
            MRW => self.mrw = feature.current && feature.data.has(0, 0x05),
            RANDOM_WRITABLE => {
                self.random_writable = Some(feature.current);
                let blocks = feature.data.u16(8).filter(|&blocks| blocks > 0);
                self.blocking = blocks.filter(|_| feature.current);
            }
            _ => {}
        }
    }
}

/// A feature of a drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature<'a> {
    /// Which one.
    pub code: u16,
    /// It goes with the medium in the drive.
    pub current: bool,
    /// What is said of it.
    pub data: Reply<'a>,
}

/// The features in a reply, which ends the list wherever it does.
#[derive(Debug, Clone, Copy)]
pub struct FeatureList<'a>(pub Reply<'a>);

impl<'a> Iterator for FeatureList<'a> {
    type Item = Feature<'a>;

    fn next(&mut self) -> Option<Feature<'a>> {
        let code = self.0.u16(0)?;
        let current = self.0.u8(2)? & 1 != 0;
        let rest = self.0.from(4);
        let len = usize::from(self.0.u8(3)?);

        self.0 = rest.from(len);
        Some(Feature {
            code,
            current,
            data: rest.up_to(len),
        })
    }
}
