// SPDX-License-Identifier: GPL-2.0

//! The congestion marks: what they are after a change, and whom they hold back. All of it is as the
//! guide has it (`Documentation/admin-guide/pktcdvd.rst`).

use kernel::sim::{
    self,
    choose, //
};
use rb::sim::{
    files,
    tags, //
};
use std::cell::Cell;

/// The marks of a new device: off and on.
const DEFAULTS: (i64, i64) = (9000, 10000);

/// What somebody writes to the upper and to the lower mark.
const ON: [i64; 11] = [
    -1, 0, 1, 499, 500, 501, 600, 700, 10_000, 1_000_000, 2_000_000,
];
const OFF: [i64; 10] = [-5, 0, 1, 99, 100, 101, 400, 499, 900, 9000];

/// The same, where there is a crowd.
const ON_OF_CROWD: [i64; 6] = [500, 500, 500, 600, 0, 100_000];
const OFF_OF_CROWD: [i64; 5] = [100, 300, 400, 450, 0];

/// The marks of a device, as they are to be.
pub(super) struct Marks {
    off: Cell<i64>,
    on: Cell<i64>,
    /// The lowest and the highest upper mark since the device is there.
    range: Cell<(i64, i64)>,
}

impl Marks {
    pub(super) fn new() -> Self {
        Self {
            off: Cell::new(DEFAULTS.0),
            on: Cell::new(DEFAULTS.1),
            range: Cell::new((DEFAULTS.1, DEFAULTS.1)),
        }
    }

    /// Begins with a new device.
    pub(super) fn begin(&self) {
        self.off.set(DEFAULTS.0);
        self.on.set(DEFAULTS.1);
        self.range.set((DEFAULTS.1, DEFAULTS.1));
        if i64::from(tags::asked()) < DEFAULTS.1 {
            sim::violation("the marks of a new device are not reached by all of its requests");
        }
        self.look();
    }

    fn set(&self, off: i64, on: i64) {
        if on <= 0 {
            self.off.set(-1);
            self.on.set(-1);
        } else {
            let on = on.clamp(500, 1_000_000);
            let off = if off <= 0 { on } else { off.max(100) };
            self.on.set(on);
            self.off.set(off.min(on - 100));
        }
        let (lowest, highest) = self.range.get();
        let on = if on <= 0 { i64::MAX } else { self.on.get() };
        self.range.set((lowest.min(on), highest.max(on)));
    }

    /// Writes to one of them.
    pub(super) fn change(&self, crowd: bool) {
        let from = |usual: &[i64], of_crowd: &[i64]| {
            let all = if crowd { of_crowd } else { usual };
            all[choose(all.len() as u64) as usize]
        };
        let upper = choose(2) == 0;
        let value = if upper {
            from(&ON, &ON_OF_CROWD)
        } else {
            from(&OFF, &OFF_OF_CROWD)
        };
        let (off, on) = if upper {
            (self.off.get(), value)
        } else {
            (value, self.on.get())
        };
        // Before and after, as the change may take effect at any time meanwhile.
        self.set(off, on);
        let path = file_of(if upper {
            "congestion_on"
        } else {
            "congestion_off"
        });
        if let Err(err) = files::store(&path, format!("{value}\n").as_bytes()) {
            sim::violation(&format!("{path} = {value}: {err:?}"));
        }
        self.look();
    }

    fn look(&self) {
        let (off, on) = (shown("congestion_off"), shown("congestion_on"));
        if (off, on) != (self.off.get(), self.on.get()) {
            sim::violation(&format!(
                "the marks are {off} and {on}, not {} and {}",
                self.off.get(),
                self.on.get()
            ));
        }
    }

    /// Judges a moment in which nothing moves: the queue has `size` writes, and has had `most`; so many
    /// writers are held back.
    pub(super) fn judge(&self, size: i64, most: i64, held: usize) -> Result<(), &'static str> {
        let (lowest, highest) = self.range.get();
        match held {
            _ if most > highest || size > highest => {
                Err("there are more writes than the marks allow")
            }
            0 => Ok(()),
            _ if self.on.get() < 0 => Err("writers are held back without marks"),
            _ if size <= self.off.get() => Err("writers are held back although the queue is short"),
            _ if most < lowest => Err("writers are held back before the queue is that long"),
            _ => Ok(()),
        }
    }
}

/// Returns the path of a file of the device.
pub(super) fn file_of(file: &str) -> String {
    let class = "class/pktcdvd/pktcdvd0";
    let found = files::list()
        .into_iter()
        .find(|path| path.starts_with(class) && path.ends_with(&format!("/{file}")));
    found.unwrap_or_default()
}

/// Returns the number that a file of the device has.
pub(super) fn shown(file: &str) -> i64 {
    let text = files::show(&file_of(file)).unwrap_or_default();
    let number = String::from_utf8_lossy(&text).trim().parse();
    number.unwrap_or_else(|_| {
        sim::violation(&format!("{file} has no number: {text:?}"));
        0
    })
}
