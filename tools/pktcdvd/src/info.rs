// SPDX-License-Identifier: GPL-2.0

//! What the file `info` in debugfs says: lines of `key: value` below headings.

/// The text, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Info {
    /// The sections, in the order of the text.
    pub sections: Vec<Section>,
}

/// What stands below one heading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// Keys and values, in the order of the text.
    pub entries: Vec<(String, String)>,
}

/// How many packet buffers are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct States {
    /// Free; what was written last may still be in them.
    pub idle: u64,
    /// Waiting for more writes.
    pub waiting: u64,
    /// Reading what no write covers.
    pub reading: u64,
    /// Being written.
    pub writing: u64,
    /// Failed.
    pub failed: u64,
    /// Done, and about to be idle.
    pub finished: u64,
}

impl States {
    /// How many there are in all.
    pub fn total(&self) -> u64 {
        self.named()
            .iter()
            .fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Each state with its name, in the order of a packet's life.
    pub fn named(&self) -> [(&'static str, u64); 6] {
        [
            ("idle", self.idle),
            ("waiting", self.waiting),
            ("reading", self.reading),
            ("writing", self.writing),
            ("failed", self.failed),
            ("finished", self.finished),
        ]
    }
}

impl Info {
    /// Reads the text. Lines that are neither headings nor entries are left out.
    pub fn parse(text: &str) -> Self {
        let mut sections: Vec<Section> = Vec::new();
        for line in text.lines() {
            let indented = line.starts_with(['\t', ' ']);
            let Some((key, value)) = line.trim().split_once(':') else {
                continue;
            };
            let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
            match sections.last_mut() {
                Some(section) if indented => section.entries.push((key, value)),
                _ => sections.push(Section {
                    title: key,
                    entries: Vec::new(),
                }),
            }
        }
        // The first line tells what is known from elsewhere.
        sections.retain(|section| !section.entries.is_empty());
        Self { sections }
    }

    /// The value of the first entry of that name.
    pub fn get(&self, key: &str) -> Option<&str> {
        let entries = self.sections.iter().flat_map(|section| &section.entries);
        entries
            .filter(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
            .next()
    }

    /// The section with that heading.
    pub fn section(&self, title: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.title == title)
    }

    /// What the line of the states says, of the form `i:8 ow:0 rw:0 ww:0 rec:0 fin:0`.
    pub fn states(&self) -> Option<States> {
        let mut states = States::default();
        let mut known = false;
        for word in self.get("state")?.split_ascii_whitespace() {
            let Some((label, count)) = word.split_once(':') else {
                continue;
            };
            let place = match label {
                "i" => &mut states.idle,
                "ow" => &mut states.waiting,
                "rw" => &mut states.reading,
                "ww" => &mut states.writing,
                "rec" => &mut states.failed,
                "fin" => &mut states.finished,
                _ => continue,
            };
            *place = count.parse().ok()?;
            known = true;
        }
        known.then_some(states)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "Writer pktcdvd0 mapped to sr0:\n\n\
        Settings:\n\tpacket size:\t\t64kB\n\tpacket buffers:\t\t8\n\n\
        Queue state:\n\tcurrent sector:\t\t0x200\n\tstate:\t\t\ti:5 ow:1 rw:2 ww:0 rec:0 fin:0 \n\
        \tWrite congestion marks:\toff=9000 on=10000\n";

    #[test]
    fn text_of_the_driver() {
        let info = Info::parse(TEXT);
        let titles: Vec<_> = info.sections.iter().map(|s| s.title.as_str()).collect();
        assert_eq!(titles, ["Settings", "Queue state"]);
        assert_eq!(info.get("packet size"), Some("64kB"));
        assert_eq!(
            info.get("Write congestion marks"),
            Some("off=9000 on=10000")
        );
        assert_eq!(info.get("nothing"), None);
        let states = info.states().unwrap();
        assert_eq!((states.idle, states.waiting, states.reading), (5, 1, 2));
        assert_eq!(states.total(), 8);
    }

    #[test]
    fn states_that_are_none() {
        let states = |line: &str| Info::parse(&format!("Q:\n\tstate: {line}\n")).states();
        assert_eq!(states(""), None);
        assert_eq!(states("x:1 y"), None);
        assert_eq!(states("i:-1"), None);
        assert_eq!(states("i:1 ow:99999999999999999999"), None);
        assert_eq!(states("new:7 i:1").unwrap().idle, 1);
        assert_eq!(Info::parse("").states(), None);
        let most = states("i:18446744073709551615 ow:1").unwrap();
        assert_eq!(most.total(), u64::MAX);
    }

    proptest! {
        #[test]
        fn any_text(text in "(\\PC|[\n\t: ])*") {
            let info = Info::parse(&text);
            let _ = (info.states(), info.get("state"));
        }

        #[test]
        fn any_states(line in "([a-z]{1,3}:[0-9]{0,25} ?)*") {
            let info = Info::parse(&format!("Q:\n\tstate:{line}\n"));
            if let Some(states) = info.states() {
                prop_assert!(states.total() >= states.idle);
            }
        }
    }
}
