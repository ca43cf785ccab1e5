// SPDX-License-Identifier: GPL-2.0

//! Settings of packet devices, as they are given on the command line.

/// What can be set: its name, its file, and the smallest and largest number.
const SETTINGS: &[(&str, &str, i64, i64)] = &[
    ("packet_wait_us", "packet_wait_us", 0, 10_000_000),
    ("packet_buffers", "packet_buffers", 2, 64),
    ("linger_ms", "linger_ms", 0, 3_600_000),
    (
        "congestion_on",
        "write_queue/congestion_on",
        i32::MIN as i64,
        i32::MAX as i64,
    ),
    (
        "congestion_off",
        "write_queue/congestion_off",
        i32::MIN as i64,
        i32::MAX as i64,
    ),
    ("reset", "stat/reset", 1, 1),
];

/// A setting as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its file, below the directory of the packet device.
    pub file: &'static str,
    /// As it was given.
    pub text: String,
    /// What is written.
    pub value: i64,
}

/// Reads `key=value`.
///
/// # Errors
///
/// What is wrong with it.
pub fn parse(text: &str) -> std::result::Result<Setting, String> {
    let (key, value) = text.split_once('=').ok_or("want key=value")?;
    let setting = SETTINGS.iter().find(|setting| setting.0 == key);
    let Some(&(_, file, least, most)) = setting else {
        let keys: Vec<_> = SETTINGS.iter().map(|setting| setting.0).collect();
        return Err(format!("there are {}", keys.join(", ")));
    };
    let number: i64 = value.parse().map_err(|_| "want a whole number")?;
    if !(least..=most).contains(&number) {
        return Err(match least == most {
            true => format!("want {key}={least}"),
            false => format!("want {least} to {most}"),
        });
    }
    Ok(Setting {
        file,
        text: text.to_owned(),
        value: number,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings() {
        let wait = parse("packet_wait_us=20000").unwrap();
        assert_eq!((wait.file, wait.value), ("packet_wait_us", 20000));
        assert_eq!(parse("congestion_on=-1").unwrap().value, -1);
        assert!(parse("reset=1").is_ok());
        for text in [
            "packet_wait_us",
            "packet_wait_us=",
            "packet_wait_us=-1",
            "packet_wait_us=10000001",
            "packet_buffers=1",
            "packet_buffers=65",
            "reset=0",
            "mapped_to=1",
            "../x=1",
            "=1",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("speed=1").unwrap_err().contains("packet_buffers"));
    }
}
