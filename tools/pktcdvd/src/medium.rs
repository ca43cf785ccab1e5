// SPDX-License-Identifier: GPL-2.0

//! What disc is in a drive, whether packets can be written on it, and what to do if not.

/// Says what can be written.
const USABLE: &str = "a CD-RW, DVD-RW, DVD+RW, DVD-RAM or BD-RE";

/// What a drive says of its disc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Medium {
    /// The current profile, by which a drive tells what the disc is; 0 if there is none.
    pub profile: u16,
    /// Whether nothing has been written or formatted yet, if the drive tells.
    pub blank: Option<bool>,
}

/// What can be done with discs of a profile.
enum Use {
    /// Packets can be written, once it has been formatted with this command.
    Packets(&'static str),
    /// Nobody knows here; the driver does.
    Unknown,
    /// It cannot be written at all.
    ReadOnly,
    /// What was written stays.
    Once,
    /// It can be made usable, with this command.
    Convert(&'static str),
}

const CDRWTOOL: &str = "cdrwtool -q -d";
const DVD_FORMAT: &str = "dvd+rw-format";
const DVD_FORCE: &str = "dvd+rw-format -force";

/// Profiles of MMC: number, name, use.
const PROFILES: &[(u16, &str, Use)] = &[
    (0x0002, "removable disk", Use::Unknown),
    (0x0008, "CD-ROM", Use::ReadOnly),
    (0x0009, "CD-R", Use::Once),
    (0x000a, "CD-RW", Use::Packets(CDRWTOOL)),
    (0x0010, "DVD-ROM", Use::ReadOnly),
    (0x0011, "DVD-R", Use::Once),
    (0x0012, "DVD-RAM", Use::Packets(DVD_FORMAT)),
    (
        0x0013,
        "DVD-RW for restricted overwrite",
        Use::Packets(DVD_FORCE),
    ),
    (
        0x0014,
        "DVD-RW for sequential recording",
        Use::Convert(DVD_FORCE),
    ),
    (0x0015, "dual-layer DVD-R", Use::Once),
    (0x0016, "dual-layer DVD-R", Use::Once),
    (0x0017, "dual-layer DVD-RW", Use::Unknown),
    (0x001a, "DVD+RW", Use::Packets(DVD_FORMAT)),
    (0x001b, "DVD+R", Use::Once),
    (0x002a, "dual-layer DVD+RW", Use::Unknown),
    (0x002b, "dual-layer DVD+R", Use::Once),
    (0x0040, "BD-ROM", Use::ReadOnly),
    (0x0041, "BD-R", Use::Once),
    (0x0042, "BD-R", Use::Once),
    (0x0043, "BD-RE", Use::Packets(DVD_FORMAT)),
    (0x0050, "HD DVD-ROM", Use::ReadOnly),
    (0x0051, "HD DVD-R", Use::Once),
    (0x0052, "HD DVD-RAM", Use::Unknown),
    (0x0053, "HD DVD-RW", Use::Unknown),
];

/// Reads the answer to GET CONFIGURATION, which starts with how many bytes follow.
pub fn parse_profile(answer: &[u8; 8]) -> Option<u16> {
    let [l0, l1, l2, l3, _, _, p0, p1] = *answer;
    (u32::from_be_bytes([l0, l1, l2, l3]) >= 4).then(|| u16::from_be_bytes([p0, p1]))
}

/// Reads from the answer to READ DISC INFORMATION whether the disc is blank.
pub fn parse_blank(answer: &[u8; 34]) -> Option<bool> {
    let [l0, l1, status, ..] = *answer;
    (u16::from_be_bytes([l0, l1]) >= 32).then_some(status & 0b11 == 0)
}

impl Medium {
    /// Tells why packets cannot be written on the disc in `drive`, and what to do; `None` if
    /// they can be, or if only the driver knows.
    pub fn objection(&self, drive: &str) -> Option<String> {
        if self.profile == 0 {
            return Some(format!("no disc in {drive}: insert {USABLE}"));
        }
        let (_, name, usage) = PROFILES.iter().find(|(n, ..)| *n == self.profile)?;
        let disc = format!(
            "the disc in {drive} is a {name} (profile {:#06x})",
            self.profile
        );
        match usage {
            Use::Packets(command) if self.blank == Some(true) => Some(format!(
                "{disc}, and not formatted yet: run `{command} {drive}` first"
            )),
            Use::Packets(_) | Use::Unknown => None,
            Use::ReadOnly => Some(format!("{disc}, which cannot be written: insert {USABLE}")),
            Use::Once => Some(format!(
                "{disc}, which can be written only once: insert {USABLE}"
            )),
            Use::Convert(command) => Some(format!(
                "{disc}: run `{command} {drive}` to format it for restricted overwrite, \
                 which erases it"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn objection(profile: u16, blank: Option<bool>) -> Option<String> {
        Medium { profile, blank }.objection("/dev/sr0")
    }

    #[test]
    fn usable() {
        for profile in [0x0a, 0x12, 0x13, 0x1a, 0x43] {
            assert_eq!(objection(profile, Some(false)), None);
            assert_eq!(objection(profile, None), None);
            assert!(objection(profile, Some(true))
                .unwrap()
                .contains("not formatted"));
        }
    }

    #[test]
    fn unusable() {
        for profile in [0x08, 0x09, 0x10, 0x11, 0x14, 0x1b, 0x2b, 0x40, 0x41, 0x42] {
            let text = objection(profile, Some(false)).unwrap();
            assert!(text.contains(&format!("profile {profile:#06x}")), "{text}");
        }
        assert!(objection(0x14, None)
            .unwrap()
            .contains("`dvd+rw-format -force /dev/sr0`"));
        assert!(objection(0, None)
            .unwrap()
            .starts_with("no disc in /dev/sr0"));
        let blank = objection(0x0a, Some(true)).unwrap();
        assert!(blank.contains("`cdrwtool -q -d /dev/sr0`"), "{blank}");
    }

    #[test]
    fn left_to_the_driver() {
        for profile in [0x02, 0x2a, 0x52, 0x1234, 0xffff] {
            assert_eq!(objection(profile, Some(true)), None);
        }
    }

    #[test]
    fn answers() {
        assert_eq!(parse_profile(&[0, 0, 0, 4, 0, 0, 0, 0x1a]), Some(0x1a));
        assert_eq!(parse_profile(&[0, 0, 0, 3, 0, 0, 0, 0x1a]), None);
        assert_eq!(parse_profile(&[0; 8]), None);
        let mut info = [0; 34];
        assert_eq!(parse_blank(&info), None);
        info[1] = 32;
        assert_eq!(parse_blank(&info), Some(true));
        info[2] = 0x1e;
        assert_eq!(parse_blank(&info), Some(false));
    }

    proptest! {
        #[test]
        fn one_line(profile: u16, blank: Option<bool>) {
            if let Some(text) = objection(profile, blank) {
                prop_assert_eq!(text.lines().count(), 1);
            }
        }

        #[test]
        fn any_answer(answer: [u8; 8], info in prop::collection::vec(any::<u8>(), 34)) {
            let _ = parse_profile(&answer);
            let _ = parse_blank(&info.try_into().unwrap());
        }
    }
}
