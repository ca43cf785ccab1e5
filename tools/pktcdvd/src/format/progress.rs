// SPDX-License-Identifier: GPL-2.0

//! Shows how far a drive is: a bar on a terminal, a line now and then elsewhere, or JSON.

use super::Progress;
use crate::output;
use serde::Serialize;
use std::io::{self, Write};
use std::time::Duration;

/// How many characters the bar has.
const BAR: usize = 30;
/// After how much more a plain line is printed.
const STEP: f64 = 0.1;
/// After how long one is printed of a drive that does not tell how far it is.
const QUIET: Duration = Duration::from_secs(60);

/// How to show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// One line that changes.
    Bar,
    /// A line for each tenth.
    Lines,
    /// An object in a line for each time the drive was asked.
    Json,
}

/// Shows progress.
#[derive(Debug)]
pub struct Display<W> {
    out: W,
    style: Style,
    title: String,
    /// How far it was, and when, in the last plain line.
    shown: Option<(f64, Duration)>,
    /// How long the line on the terminal is.
    width: usize,
}

#[derive(Serialize)]
struct Event<'a> {
    event: &'static str,
    title: &'a str,
    /// From 0 to 1.
    done: Option<f64>,
    seconds: u64,
    seconds_left: Option<u64>,
}

impl<W: Write> Display<W> {
    /// Shows nothing yet.
    pub fn new(out: W, style: Style) -> Self {
        Self {
            out,
            style,
            title: String::new(),
            shown: None,
            width: 0,
        }
    }

    /// Shows how far it is.
    ///
    /// # Errors
    ///
    /// Those of writing.
    pub fn show(&mut self, progress: &Progress<'_>) -> io::Result<()> {
        let left = left(progress.done, progress.since);
        match self.style {
            Style::Json => {
                let event = Event {
                    event: "progress",
                    title: progress.title,
                    done: progress.done,
                    seconds: progress.since.as_secs(),
                    seconds_left: left.map(|left| left.as_secs()),
                };
                self.out.write_all(output::line(&event).as_bytes())?;
            }
            Style::Bar => {
                let line = bar(progress, left);
                let new = line.chars().count();
                let blank = self.width.saturating_sub(new);
                write!(self.out, "\r{line}{:blank$}", "")?;
                self.width = new;
            }
            Style::Lines => self.lines(progress, left)?,
        }
        self.out.flush()
    }

    fn lines(&mut self, progress: &Progress<'_>, left: Option<Duration>) -> io::Result<()> {
        let done = progress.done.unwrap_or_default();
        let is_news = match self.shown {
            _ if self.title != progress.title => true,
            None => true,
            Some((before, at)) => {
                done >= before + STEP || progress.since.saturating_sub(at) >= QUIET
            }
        };
        if !is_news {
            return Ok(());
        }
        progress.title.clone_into(&mut self.title);
        self.shown = Some((done, progress.since));
        match (progress.done, left) {
            (Some(done), Some(left)) => writeln!(
                self.out,
                "{}: {} %, {} left",
                progress.title,
                percent(done),
                time(left)
            ),
            (Some(done), None) => writeln!(self.out, "{}: {} %", progress.title, percent(done)),
            (None, _) => writeln!(self.out, "{}: {}", progress.title, time(progress.since)),
        }
    }

    /// Ends the line on the terminal.
    ///
    /// # Errors
    ///
    /// Those of writing.
    pub fn end(&mut self) -> io::Result<()> {
        if self.style == Style::Bar && self.width > 0 {
            self.width = 0;
            writeln!(self.out)?;
        }
        self.out.flush()
    }
}

fn percent(done: f64) -> u32 {
    (done.clamp(0.0, 1.0) * 100.0) as u32
}

fn bar(progress: &Progress<'_>, left: Option<Duration>) -> String {
    let Some(done) = progress.done else {
        return format!("{} {}", progress.title, time(progress.since));
    };
    let full = (done.clamp(0.0, 1.0) * BAR as f64) as usize;
    let left = left.map_or(String::new(), |left| format!(", {} left", time(left)));
    format!(
        "{} [{}{}] {} %{left}",
        progress.title,
        "#".repeat(full),
        ".".repeat(BAR - full),
        percent(done),
    )
}

/// How long it will take if it goes on as until now; not known at the very beginning.
fn left(done: Option<f64>, since: Duration) -> Option<Duration> {
    let done = done.filter(|done| (0.01..=1.0).contains(done))?;
    if since < Duration::from_secs(2) {
        return None;
    }
    Duration::try_from_secs_f64(since.as_secs_f64() * (1.0 - done) / done).ok()
}

/// Minutes and seconds, with hours if there are any.
fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(style: Style, progress: &[(Option<f64>, u64)]) -> String {
        let mut out = Vec::new();
        let mut display = Display::new(&mut out, style);
        for &(done, seconds) in progress {
            let progress = Progress {
                title: "formatting the BD-RE",
                done,
                since: Duration::from_secs(seconds),
            };
            display.show(&progress).unwrap();
        }
        display.end().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_for_each_tenth() {
        let progress: Vec<_> = (0..=100u32)
            .map(|n| (Some(f64::from(n) / 100.0), u64::from(n) * 4))
            .collect();
        let text = shown(Style::Lines, &progress);
        let lines: Vec<_> = text.lines().collect();
        assert!((9..=11).contains(&lines.len()), "{text}");
        assert_eq!(lines[0], "formatting the BD-RE: 0 %");
        assert!(lines[5].starts_with("formatting the BD-RE: 5"), "{text}");
        assert!(lines[5].ends_with(" left"), "{text}");
        // A drive that does not tell is heard of once a minute.
        let silent: Vec<_> = (0..120).map(|n| (None, n)).collect();
        assert_eq!(
            shown(Style::Lines, &silent),
            "formatting the BD-RE: 0:00\nformatting the BD-RE: 1:00\n"
        );
    }

    #[test]
    fn a_bar() {
        let text = shown(Style::Bar, &[(Some(0.5), 3600 * 2), (None, 5)]);
        let lines: Vec<_> = text.split('\r').collect();
        assert_eq!(
            lines[1],
            "formatting the BD-RE [###############...............] 50 %, 2:00:00 left"
        );
        // What is shorter covers what was longer.
        assert_eq!(lines[1].len() + 1, lines[2].len());
        assert!(text.ends_with(" \n"));
    }

    #[test]
    fn json() {
        let text = shown(Style::Json, &[(Some(0.25), 10), (None, 0)]);
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines[0]["event"], "progress");
        assert_eq!(lines[0]["version"], 1);
        assert_eq!(
            (&lines[0]["done"], &lines[0]["seconds_left"]),
            (&0.25.into(), &30.into())
        );
        assert!(lines[1]["done"].is_null() && lines[1]["seconds_left"].is_null());
    }

    proptest! {
        #[test]
        fn any_progress(done: Option<f64>, seconds: u64) {
            for style in [Style::Bar, Style::Lines, Style::Json] {
                prop_assert!(!shown(style, &[(done, seconds)]).is_empty());
            }
        }
    }
}
