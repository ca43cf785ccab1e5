// SPDX-License-Identifier: GPL-2.0

//! Draws a frame.

use super::history::{Device, History, Line as RateLine};
use crate::status::Queue;
use crate::units;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Gauge, Paragraph, Sparkline, Widget};
use std::time::Duration;

/// Rows of a device, the frame around it included.
const ROWS: u16 = 9;
/// Columns of what stands in front of a row.
const LABEL: u16 = 10;
/// Columns of text in rows that have a picture, too.
const TEXT: u16 = 36;

/// What to draw.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// What has happened.
    pub history: &'a History,
    /// Time between looks.
    pub interval: Duration,
    /// Whether to tell which keys there are.
    pub keys: bool,
    /// Whether time stands still.
    pub paused: bool,
    /// How many devices are above the screen.
    pub scroll: usize,
}

impl<'a> View<'a> {
    /// A frame that nobody has scrolled or paused, without help.
    pub fn new(history: &'a History, interval: Duration) -> Self {
        Self {
            history,
            interval,
            keys: false,
            paused: false,
            scroll: 0,
        }
    }

    /// How many rows it takes to draw all devices.
    pub fn height(&self) -> u16 {
        let devices = u16::try_from(self.history.devices().len()).unwrap_or(u16::MAX);
        devices.saturating_mul(ROWS).saturating_add(1).max(2)
    }

    fn header(&self) -> Line<'static> {
        let count = self.history.devices().len();
        let devices = if count == 1 { "device" } else { "devices" };
        let mut spans = vec![
            "pktcdvd".bold(),
            format!(
                "  {count} {devices}, every {} s",
                self.interval.as_secs_f64()
            )
            .into(),
        ];
        if self.paused {
            spans.push("  paused".yellow());
        }
        if self.keys {
            spans.push("  q ends, ↑↓ scroll, p pauses".dim());
        }
        Line::from(spans)
    }
}

impl Widget for &View<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let [top, mut rest] =
            Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
        self.header().render(top, buffer);
        let devices = self.history.devices();
        if devices.is_empty() {
            Line::from("nothing is mapped").render(rest, buffer);
        }
        // What is left when devices go is still scrolled to.
        let first = self.scroll.min(devices.len().saturating_sub(1));
        for device in devices.iter().skip(first) {
            let [area, below] =
                Layout::vertical([Constraint::Length(ROWS), Constraint::Min(0)]).areas(rest);
            draw(device, area, buffer);
            rest = below;
        }
    }
}

fn draw(device: &Device, area: Rect, buffer: &mut Buffer) {
    let entry = &device.status.entry;
    let mut title = format!(
        " {} ({}) on {} ",
        entry.name,
        entry.number,
        entry.lower_text()
    );
    if let Some(medium) = &device.status.medium {
        title += &format!("- {medium} ");
    }
    if let Some(bytes) = device.status.packet_bytes {
        title += &format!("- packets of {} ", units::size(bytes));
    }
    let block = Block::bordered().title(title.bold());
    let inner = block.inner(area);
    block.render(area, buffer);

    let rows = Layout::vertical([Constraint::Length(1); 7]).split(inner);
    let rates = device.rates;
    let counter = |name: &str| units::kib(device.status.counter(name));
    let row = |at: usize| rows.get(at).copied().unwrap_or_default();
    text_row("buffers", states(device), row(0), buffer);
    queue_row(&device.status.queue, row(1), buffer);
    rate_row(
        "written",
        rates.map(|r| r.written),
        counter("kb_written"),
        &device.written,
        row(2),
        buffer,
    );
    rate_row(
        "gathered",
        rates.map(|r| r.gathered),
        counter("kb_read_gather"),
        &device.gathered,
        row(3),
        buffer,
    );
    rate_row(
        "read",
        rates.map(|r| r.read),
        counter("kb_read"),
        &device.read,
        row(4),
        buffer,
    );
    text_row("packets", packets(device), row(5), buffer);
    text_row("events", events(device), row(6), buffer);
}

/// Draws what stands in front, and returns the rest of the row.
fn label(text: &'static str, row: Rect, buffer: &mut Buffer) -> Rect {
    let [label, rest] =
        Layout::horizontal([Constraint::Length(LABEL), Constraint::Min(0)]).areas(row);
    Line::from(text.dim()).render(label, buffer);
    rest
}

fn text_row(title: &'static str, line: Line<'_>, row: Rect, buffer: &mut Buffer) {
    Paragraph::new(line).render(label(title, row, buffer), buffer);
}

fn rate_row(
    title: &'static str,
    rate: Option<f64>,
    total: String,
    line: &RateLine,
    row: Rect,
    buffer: &mut Buffer,
) {
    let rest = label(title, row, buffer);
    let [text, picture] =
        Layout::horizontal([Constraint::Length(TEXT), Constraint::Min(0)]).areas(rest);
    let rate = rate.map_or_else(|| "-".to_owned(), units::rate);
    Line::from(format!("{rate:>12}, {total} in all")).render(text, buffer);
    // The newest is at the right, and is seen even if there is no room for all.
    let unseen = line.len().saturating_sub(picture.width.into());
    Sparkline::default()
        .data(line.iter().skip(unseen).copied())
        .style(Style::new().fg(Color::Cyan))
        .render(picture, buffer);
}

fn queue_row(queue: &Queue, row: Rect, buffer: &mut Buffer) {
    let rest = label("queue", row, buffer);
    let on = u64::try_from(queue.congestion_on).unwrap_or(0);
    if on == 0 {
        let text = format!("{} writes, {} at most; no marks", queue.size, queue.longest);
        Line::from(text).render(rest, buffer);
        return;
    }
    let [text, picture] =
        Layout::horizontal([Constraint::Length(TEXT), Constraint::Min(0)]).areas(rest);
    let words = format!(
        "{} of {on}, until {}; {} at most",
        queue.size, queue.congestion_off, queue.longest
    );
    Line::from(words).render(text, buffer);
    let ratio = (queue.size as f64 / on as f64).clamp(0.0, 1.0);
    let color = if queue.size >= on {
        Color::Red
    } else {
        Color::Green
    };
    Gauge::default()
        .ratio(ratio)
        .gauge_style(Style::new().fg(color))
        .render(picture, buffer);
}

fn states(device: &Device) -> Line<'static> {
    let Some(states) = device.status.states else {
        return Line::from("their states are in debugfs, for root alone".dim());
    };
    let spans = states.named().into_iter().map(|(name, count)| {
        let color = match name {
            _ if count == 0 => Color::DarkGray,
            "failed" => Color::Red,
            "idle" => Color::Reset,
            _ => Color::Yellow,
        };
        Span::styled(format!("{count} {name}  "), Style::new().fg(color))
    });
    Line::from(spans.collect::<Vec<_>>())
}

fn packets(device: &Device) -> Line<'static> {
    let status = &device.status;
    let rate = match device.rates {
        Some(rates) => format!("{:.0}/s", rates.packets),
        None => "-".to_owned(),
    };
    let factor = match status.amplification() {
        Some(factor) => format!("; {factor:.2} times what was written"),
        None => String::new(),
    };
    Line::from(format!(
        "{rate:>12}, {} in all, {} full{factor}",
        status.counter("packets_finished"),
        status.counter("packets_full"),
    ))
}

fn events(device: &Device) -> Line<'static> {
    let count = |name: &str| device.status.counter(name);
    let bad = |name: &str, what: &str| {
        let text = format!("{} {what}", count(name));
        match count(name) {
            0 => Span::raw(text),
            _ => text.red().bold(),
        }
    };
    Line::from(vec![
        format!(
            "{} cache hits, {} flushes, ",
            count("cache_hits"),
            count("flushes")
        )
        .into(),
        bad("packets_failed", "failed packets"),
        ", ".into(),
        bad("errors", "errors"),
    ])
}
