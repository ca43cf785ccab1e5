// SPDX-License-Identifier: GPL-2.0

//! Shows what devices do, while they do it.

pub mod history;
pub mod view;

use crate::cli::Watch;
use crate::paths::Paths;
use crate::status::{self, Status};
use crate::{Error, Result};
use history::History;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::{execute, terminal};
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use ratatui::{DefaultTerminal, TerminalOptions, Viewport};
use std::io::{self, stdout};
use std::thread;
use std::time::{Duration, Instant};
use view::View;

/// How many columns a frame has that goes to no terminal, or to one that does not know its size.
const COLUMNS: u16 = 80;
/// How many rows a terminal has that does not know its size.
const ROWS: u16 = 24;

/// One frame as text, of what happens in one interval.
pub fn once(paths: &Paths, options: &Watch) -> Result<String> {
    let mut history = History::default();
    history.update(status::read(paths, &options.targets)?, Duration::ZERO);
    let start = Instant::now();
    thread::sleep(options.interval);
    history.update(status::read(paths, &options.targets)?, start.elapsed());
    Ok(text(&View::new(&history, options.interval)))
}

/// Tells of the devices once an interval, until `tell` wants no more; once only if that is asked for.
pub fn lines(
    paths: &Paths,
    options: &Watch,
    mut tell: impl FnMut(Vec<Status>) -> Result<bool>,
) -> Result {
    loop {
        let wants_more = tell(status::read(paths, &options.targets)?)?;
        if options.once || !wants_more {
            return Ok(());
        }
        thread::sleep(options.interval);
    }
}

/// A frame without its colours.
fn text(view: &View<'_>) -> String {
    let area = Rect::new(0, 0, COLUMNS, view.height());
    let mut buffer = Buffer::empty(area);
    view.render(area, &mut buffer);
    let mut text = String::new();
    for row in area.rows() {
        let line: String = row
            .columns()
            .map(|cell| buffer[(cell.x, cell.y)].symbol())
            .collect();
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Draws on the terminal until the user ends it.
pub fn live(paths: &Paths, options: &Watch) -> Result {
    // What is wrong from the start is told where it can be read.
    let first = status::read(paths, &options.targets)?;
    let terminal = full_screen().map_err(|err| Error::system("terminal", err))?;
    let mut screen = Screen {
        history: History::default(),
        paused: false,
        scroll: 0,
    };
    screen.history.update(first, Duration::ZERO);
    let result = screen.run(terminal, paths, options);
    ratatui::restore();
    result
}

/// Takes the whole terminal. [`ratatui::restore`] gives it back.
fn full_screen() -> io::Result<DefaultTerminal> {
    // What ratatui calls full screen has the size that the terminal says, be it none.
    let viewport = Viewport::Fixed(area(terminal::size()?));
    let terminal = ratatui::try_init_with_options(TerminalOptions { viewport })?;
    execute!(stdout(), terminal::EnterAlternateScreen)?;
    Ok(terminal)
}

/// Where to draw on a terminal of so many columns and rows.
///
/// A serial line has none of either, until somebody tells it.
fn area((columns, rows): (u16, u16)) -> Rect {
    let or = |size, usual| if size == 0 { usual } else { size };

    Rect::new(0, 0, or(columns, COLUMNS), or(rows, ROWS))
}

/// What keys change.
struct Screen {
    history: History,
    paused: bool,
    scroll: usize,
}

/// Whether to go on.
#[derive(PartialEq, Eq)]
enum Next {
    Draw,
    End,
}

impl Screen {
    fn run(&mut self, mut terminal: DefaultTerminal, paths: &Paths, options: &Watch) -> Result {
        let mut last = Instant::now();
        let failed = |err| Error::system("terminal", err);
        loop {
            let now = area(terminal::size().map_err(failed)?);
            if terminal.get_frame().area() != now {
                terminal.resize(now).map_err(failed)?;
            }
            let view = View {
                keys: true,
                paused: self.paused,
                scroll: self.scroll,
                ..View::new(&self.history, options.interval)
            };
            terminal
                .draw(|frame| frame.render_widget(&view, frame.area()))
                .map_err(failed)?;
            if self.key(options.interval.saturating_sub(last.elapsed()))? == Next::End {
                return Ok(());
            }
            if last.elapsed() >= options.interval {
                self.look(paths, options, last.elapsed())?;
                last = Instant::now();
            }
        }
    }

    fn look(&mut self, paths: &Paths, options: &Watch, elapsed: Duration) -> Result {
        if !self.paused {
            let statuses = status::read(paths, &options.targets)?;
            self.history.update(statuses, elapsed);
        }
        Ok(())
    }

    /// Waits for a key, but not for longer than `timeout`.
    fn key(&mut self, timeout: Duration) -> Result<Next> {
        let failed = |err| Error::system("terminal", err);
        if !event::poll(timeout).map_err(failed)? {
            return Ok(Next::Draw);
        }
        match event::read().map_err(failed)? {
            Event::Key(key) if key.kind == KeyEventKind::Press => Ok(self.press(key)),
            _ => Ok(Next::Draw),
        }
    }

    fn press(&mut self, key: KeyEvent) -> Next {
        let last = self.history.devices().len().saturating_sub(1);
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                return Next::End
            }
            KeyCode::Char('q') | KeyCode::Esc => return Next::End,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Down | KeyCode::Char('j') => self.scroll = (self.scroll + 1).min(last),
            KeyCode::Up | KeyCode::Char('k') => {
                self.scroll = self.scroll.min(last).saturating_sub(1)
            }
            _ => {}
        }
        Next::Draw
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::tests::example;
    use proptest::prelude::*;

    fn later() -> History {
        let mut history = History::default();
        history.update(vec![example()], Duration::ZERO);
        let mut status = example();
        for (counter, more) in [
            ("kb_written", 2048),
            ("packets_finished", 4),
            ("kb_read", 1),
        ] {
            *status.counters.get_mut(counter).unwrap() += more;
        }
        history.update(vec![status], Duration::from_secs(2));
        history
    }

    #[test]
    fn a_frame() {
        let history = later();
        let text = text(&View::new(&history, Duration::from_secs(2)));
        for wanted in [
            "pktcdvd0 (252:0) on sr0 (11:0)",
            "6 idle",
            "1 waiting",
            "5 of 10000, until 9000; 33 at most",
            "1 MiB/s",
            "2/s",
            "512 B/s",
            "7 cache hits",
            "1 failed packets",
            "4 errors",
        ] {
            assert!(text.contains(wanted), "no {wanted:?} in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn nothing_mapped() {
        let history = History::default();
        assert!(text(&View::new(&history, Duration::from_secs(1))).contains("nothing is mapped"));
    }

    #[test]
    fn a_terminal_without_a_size() {
        assert_eq!(area((0, 0)), Rect::new(0, 0, 80, 24));
        assert_eq!(area((100, 0)), Rect::new(0, 0, 100, 24));
        assert_eq!(area((1, 2)), Rect::new(0, 0, 1, 2));
    }

    #[test]
    fn keys() {
        let mut screen = Screen {
            history: later(),
            paused: false,
            scroll: 9,
        };
        let mut press = |code| screen.press(KeyEvent::from(code)) == Next::End;
        assert!(press(KeyCode::Char('q')) && press(KeyCode::Esc));
        assert!(!press(KeyCode::Down) && !press(KeyCode::Up) && !press(KeyCode::Char('p')));
        assert_eq!((screen.scroll, screen.paused), (0, true));
    }

    proptest! {
        /// Whatever the terminal's size and the counters are, it is drawn.
        #[test]
        fn any_terminal(width in 0u16..200, height in 0u16..60, scroll in 0usize..5,
            size: u64, on: i64, off: i64, states in any::<[u64; 3]>(), known: bool) {
            let mut status = example();
            status.queue.size = size;
            (status.queue.congestion_on, status.queue.congestion_off) = (on, off);
            let counts = status.states.as_mut().unwrap();
            [counts.idle, counts.waiting, counts.failed] = states;
            if !known {
                status.states = None;
            }
            let mut history = later();
            history.update(vec![status.clone(), status], Duration::from_millis(1));
            let view = View { scroll, keys: true, ..View::new(&history, Duration::from_secs(1)) };
            let area = Rect::new(0, 0, width, height);
            view.render(area, &mut Buffer::empty(area));
        }
    }
}
