// SPDX-License-Identifier: GPL-2.0

//! The file that `connect --config` reads: options of the command line, one a line.

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Options, as on the command line.
    pub options: Vec<String>,
    /// Servers, which are arguments there.
    pub servers: Vec<String>,
}

/// Reads lines of `KEY = VALUE`, or of `KEY` alone for an option without a value; `server` may be
/// there several times. Whether there is such an option is the command line's to know.
///
/// # Errors
///
/// The number of the line that is wrong, and what is wrong with it.
pub fn parse(text: &str) -> Result<Config, (usize, String)> {
    let mut config = Config::default();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key.trim(), Some(value.trim())),
            None => (line, None),
        };
        let is_key = |c: char| c.is_ascii_lowercase() || c == '-' || c == '_';
        if key.is_empty() || key.starts_with(['-', '_']) || !key.chars().all(is_key) {
            return Err((number, format!("want KEY or KEY = VALUE, not `{line}`")));
        }
        let key = key.replace('_', "-");
        match (key.as_str(), value) {
            ("config", _) => return Err((number, "a file names no other".into())),
            ("server", Some(server)) => config.servers.push(server.into()),
            (_, Some(value)) => config.options.push(format!("--{key}={value}")),
            (_, None) => config.options.push(format!("--{key}")),
        }
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines() {
        let text = "# comment\n\nserver = 192.0.2.1\nserver=[::1]:7\n  swap\nexport = a = b # c\ndead_timeout=5\n";
        let config = parse(text).unwrap();
        assert_eq!(config.servers, ["192.0.2.1", "[::1]:7"]);
        assert_eq!(
            config.options,
            ["--swap", "--export=a = b # c", "--dead-timeout=5"]
        );
        assert_eq!(parse(""), Ok(Config::default()));
    }

    #[test]
    fn none() {
        for (text, line) in [
            ("= x", 1),
            ("\n--swap", 2),
            ("server 192.0.2.1", 1),
            ("Server = x", 1),
            ("config = /etc/passwd", 1),
            ("_x", 1),
        ] {
            assert_eq!(parse(text).unwrap_err().0, line, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text(text in "(\\PC|[=\n-])*") {
            if let Ok(config) = parse(&text) {
                prop_assert!(config.options.iter().all(|option| option.starts_with("--")));
            }
        }
    }
}
