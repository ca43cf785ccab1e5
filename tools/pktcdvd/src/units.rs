// SPDX-License-Identifier: GPL-2.0

//! Sizes and rates, for people.

/// Units of 1024 each.
const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Bytes, with three digits or so: `512 B`, `64 KiB`, `1.5 MiB`.
pub fn size(bytes: u64) -> String {
    let mut unit = 0;
    let mut value = bytes as f64;
    // What would be rounded to 1024 of a unit is one of the next.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let text = if value < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    };
    format!("{} {}", text.trim_end_matches(".0"), UNITS[unit])
}

/// KiB, as [`size`].
pub fn kib(count: u64) -> String {
    size(count.saturating_mul(1024))
}

/// Bytes in a second.
pub fn rate(bytes: f64) -> String {
    size(bytes.max(0.0).round() as u64) + "/s"
}

/// Microseconds: `5 ms`, `2.5 ms`, `1 s`.
pub fn time(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{} ms", us as f64 / 1e3),
        _ => format!("{} s", us as f64 / 1e6),
    }
}

/// A number of bytes, with one of the suffixes K, M, G and T, or none.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err("want bytes, or K, M, G or T behind the number".into()),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("want a number of bytes".into());
    }
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(1 << shift))
        .ok_or_else(|| "this number is too large".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes() {
        let sizes = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (65536, "64 KiB"),
            (1048575, "1 MiB"),
            (4_404_019_200, "4.1 GiB"),
            (u64::MAX, "16 EiB"),
        ];
        for (bytes, text) in sizes {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(kib(u64::MAX), "16 EiB");
        assert_eq!(rate(-1.0), "0 B/s");
        assert_eq!(rate(f64::NAN), "0 B/s");
        assert_eq!(rate(2048.0), "2 KiB/s");
    }

    #[test]
    fn times() {
        let texts = [0, 999, 5000, 2500, 10_000_000].map(time);
        assert_eq!(texts, ["0 µs", "999 µs", "5 ms", "2.5 ms", "10 s"]);
    }

    #[test]
    fn given_sizes() {
        assert_eq!(parse_size("0"), Ok(0));
        assert_eq!(parse_size("64K"), Ok(65536));
        assert_eq!(parse_size("1m"), Ok(1 << 20));
        for text in [
            "",
            "K",
            "-1",
            "+1",
            "1.5K",
            "1KB",
            "1 K",
            "0x10",
            "٣K",
            "99999999T",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_size(bytes: u64) {
            // No more than four digits and a point, and within a twentieth of what it is.
            let text = size(bytes);
            let (number, unit) = text.split_once(' ').unwrap();
            prop_assert!(number.len() <= 4, "{}", text);
            let power = UNITS.iter().position(|u| *u == unit).unwrap();
            let shown = number.parse::<f64>().unwrap() * 1024f64.powi(power as i32);
            let difference = (shown - bytes as f64).abs();
            prop_assert!(difference <= bytes as f64 * 0.05 + 0.5, "{} {}", bytes, text);
        }

        #[test]
        fn any_text(text in "\\PC*") {
            let _ = parse_size(&text);
        }
    }
}
