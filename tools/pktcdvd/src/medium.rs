// SPDX-License-Identifier: GPL-2.0

//! Whether packets can be written on the disc in a drive, by the driver's own rules.

use crate::driver::logic::mmc::cdb::Command;
use crate::driver::logic::mmc::medium::Medium;
use crate::driver::logic::mmc::probe::{Access, Outcome, Probe, Step, BUFFER_LEN};
use crate::driver::logic::mmc::refusal::Refusal;
use crate::driver::logic::mmc::sense::Failure;
use std::time::Duration;

/// Where the driver's words have the drive's name.
pub const PLACE: &str = "DRIVE";

/// Looks at the disc as the driver does when it is opened, but changes nothing in the drive.
///
/// `send` carries a command out and fills the buffer with the answer. Waits, by `pause`, while the
/// drive is busy, a minute at most.
///
/// # Errors
///
/// Why the disc can be neither read nor written.
pub fn look(
    mut send: impl FnMut(&Command, &mut [u8; BUFFER_LEN]) -> Outcome,
    mut pause: impl FnMut(Duration),
) -> Result<Medium, Refusal> {
    let mut buffer = [0; BUFFER_LEN];
    // How large the kernel thinks the disc is, it knows only after it has opened it in earnest.
    let mut probe = Probe::new(Access::Read, u64::MAX);
    let mut step = probe.begin(&mut buffer);
    while let Step::Send { command, after_ms } = step {
        if after_ms > 0 {
            pause(Duration::from_millis(after_ms.into()));
        }
        let outcome = send(&command, &mut buffer);
        step = probe.reply(outcome, &mut buffer);
    }
    probe.verdict().unwrap_or(Err(Refusal::NoCapacity))
}

/// Tells why packets cannot be written on the disc, and what to do; `None` if it was not possible
/// to ask.
pub fn objection(refusal: &Refusal, drive: &str) -> Option<String> {
    match refusal {
        Refusal::Command(_, Failure::Transport) => None,
        refusal => Some(format!("{drive}: {refusal}").replace(PLACE, drive)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::logic::mmc::sense::Sense;
    use proptest::prelude::*;

    /// A drive with a disc of that profile, of 4096 blocks, in packets of 32.
    fn drive(profile: u8, state: u8) -> impl FnMut(&Command, &mut [u8; BUFFER_LEN]) -> Outcome {
        move |command, buffer| {
            let answer: &[u8] = match command.opcode() {
                0x46 => &[0, 0, 0, 4, 0, 0, 0, profile],
                0x51 => &[0, 32, state, 1, 1, 1, 1, 0x23, 0x20],
                0x52 => &[
                    0, 34, 1, 1, 0, 5, 0x32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0,
                    0, 16, 0, 0, 0, 0, 0,
                ],
                0x25 => &[0, 0, 15, 255, 0, 0, 8, 0],
                _ => &[],
            };
            buffer[..answer.len()].copy_from_slice(answer);
            Ok(answer.len())
        }
    }

    fn failing(key: u8, asc: u8) -> impl FnMut(&Command, &mut [u8; BUFFER_LEN]) -> Outcome {
        move |_, _| Err(Sense::new(0x70, key, asc, 0).map_or(Failure::Transport, Failure::Sense))
    }

    /// Without waiting, and only whether it can be written.
    fn looked(
        send: impl FnMut(&Command, &mut [u8; BUFFER_LEN]) -> Outcome,
    ) -> Result<Medium, Refusal> {
        let medium = look(send, drop)?;
        medium.writing.map(|_| medium)
    }

    fn objection_to(
        send: impl FnMut(&Command, &mut [u8; BUFFER_LEN]) -> Outcome,
    ) -> Option<String> {
        looked(send)
            .err()
            .and_then(|refusal| objection(&refusal, "/dev/sr0"))
    }

    #[test]
    fn usable() {
        for profile in [0x0a, 0x12, 0x13, 0x1a, 0x43] {
            let medium = looked(drive(profile, 0x1e)).unwrap();
            assert_eq!(u16::from(profile), medium.profile.0);
            assert_eq!(medium.blocks, 4096);
        }
    }

    #[test]
    fn unusable() {
        for (profile, words) in [
            (0x09, "CD-R (profile 0x0009)"),
            (0x10, "DVD-ROM (profile 0x0010)"),
            (0x14, "DVD-RW, sequential recording (profile 0x0014)"),
            (0x1b, "DVD+R (profile 0x001b)"),
        ] {
            let text = objection_to(drive(profile, 0x1e)).unwrap();
            assert!(
                text.starts_with("/dev/sr0: ") && text.contains(words),
                "{text}"
            );
        }
        let text = objection_to(drive(0x43, 0x10)).unwrap();
        assert!(
            text.starts_with("/dev/sr0: BD-RE is blank: format it with "),
            "{text}"
        );
        assert!(
            text.contains("/dev/sr0") && !text.contains("DRIVE"),
            "{text}"
        );
        let text = objection_to(failing(2, 0x3a)).unwrap();
        assert_eq!(text, "/dev/sr0: no medium; put a disc in");
    }

    #[test]
    fn who_cannot_be_asked_does_not_object() {
        assert_eq!(objection_to(|_, _| Err(Failure::Transport)), None);
    }

    proptest! {
        /// A hostile drive gets a line of words out of it at most.
        #[test]
        fn any_answers(bytes in prop::collection::vec(any::<u8>(), 0..600), len in 0usize..700) {
            let mut rest = bytes.iter().copied().cycle().take(if bytes.is_empty() { 0 } else { 100_000 });
            let text = objection_to(|_, buffer| {
                buffer.iter_mut().for_each(|byte| *byte = rest.next().unwrap_or(0));
                Ok(len)
            });
            prop_assert!(text.is_none_or(|text| text.lines().count() == 1));
        }
    }
}
