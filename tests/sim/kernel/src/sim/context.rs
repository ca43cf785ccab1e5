// SPDX-License-Identifier: GPL-2.0

//! What a task may do where it is.

pub use super::state::Kind;
use super::{
    identity::current_index,
    report::violation,
    state::{
        is_running,
        with,
        Context, //
    },
};

impl Context {
    fn find(&self, kind: Kind) -> Option<&'static str> {
        let found = self.sections.iter().rev().find(|section| section.0 == kind);
        found.map(|section| section.1)
    }

    /// Returns what a task has left behind when it ended.
    pub(super) fn leftovers(&self) -> Option<String> {
        let section = self.sections.last().map(|section| section.1.to_owned());
        let lock = self.held.last().map(|lock| format!("the lock {}", lock.0));
        section.or(lock)
    }
}

/// A section of code in which something is forbidden, until this is dropped.
pub struct Section(Kind, &'static str, usize);

/// Begins a section.
pub fn enter(kind: Kind, what: &'static str) -> Section {
    if !is_running() {
        return Section(kind, what, usize::MAX);
    }
    let me = current_index();
    with(|sim| {
        if let Some(info) = sim.tasks.get_mut(me) {
            info.context.sections.push((kind, what));
        }
    });
    Section(kind, what, me)
}

/// Begins a section that must not sleep.
pub fn atomic(what: &'static str) -> Section {
    enter(Kind::Atomic, what)
}

/// Begins a section that carries out I/O.
pub fn io_path(what: &'static str) -> Section {
    enter(Kind::IoPath, what)
}

/// Begins what an interrupt does.
pub(super) fn interrupt() -> Section {
    enter(Kind::Interrupt, "an interrupt")
}

impl Drop for Section {
    fn drop(&mut self) {
        if self.2 == usize::MAX || !is_running() {
            return;
        }
        with(|sim| {
            if let Some(info) = sim.tasks.get_mut(self.2) {
                let sections = &mut info.context.sections;
                if let Some(at) = sections.iter().rposition(|s| *s == (self.0, self.1)) {
                    sections.remove(at);
                }
            }
        });
    }
}

/// Returns the section of a kind that the task is in.
pub fn within(kind: Kind) -> Option<&'static str> {
    if !is_running() {
        return None;
    }
    let me = current_index();
    with(|sim| sim.tasks.get(me)?.context.find(kind))
}

/// Says that the caller may sleep, to do `what`.
pub fn might_sleep(what: &str) {
    if std::thread::panicking() {
        return;
    }
    let section = within(Kind::Atomic).or_else(|| within(Kind::Interrupt));
    if let Some(section) = section {
        violation(&format!("{what} in atomic context: {section}"));
    }
}
