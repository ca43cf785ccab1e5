// SPDX-License-Identifier: GPL-2.0

//! A line of items for workers who are there already.
//!
//! To wake a worker costs more than most items take. So whoever has an item puts it in line if there are
//! workers, and not too many items in line for them; else the item takes a worker of its own, who goes on
//! with those in line afterwards.

use core::ops::DerefMut;

/// Items in line for each worker, before another one comes.
pub const CROWD: usize = 8;

/// Items in the order in which they came, and how many workers there are.
#[derive(Debug)]
pub struct Line<S> {
    places: S,
    first: usize,
    length: usize,
    workers: usize,
}

impl<T, S: DerefMut<Target = [Option<T>]>> Line<S> {
    /// Makes one without items and workers; the places are empty.
    pub fn new(places: S) -> Self {
        Self {
            places,
            first: 0,
            length: 0,
            workers: 0,
        }
    }

    /// Puts an item in line, or returns it: then there has to be a new worker who begins with it.
    pub fn join(&mut self, item: T) -> Option<T> {
        let room = self.workers.saturating_mul(CROWD).min(self.places.len());
        let at = self.after(self.length);
        match self.places.get_mut(at) {
            Some(place) if self.length < room => {
                *place = Some(item);
                self.length = self.length.saturating_add(1);
                None
            }
            _ => {
                self.workers = self.workers.saturating_add(1);
                Some(item)
            }
        }
    }

    /// Returns the next item for a worker. If there is none, that worker is none any more.
    pub fn take(&mut self) -> Option<T> {
        let next = match self.length {
            0 => None,
            _ => self.places.get_mut(self.first).and_then(Option::take),
        };
        if next.is_some() {
            self.first = self.after(1);
            self.length = self.length.saturating_sub(1);
        } else {
            self.workers = self.workers.saturating_sub(1);
        }
        next
    }

    /// The place that is so many behind the first one.
    fn after(&self, places: usize) -> usize {
        let at = self.first.saturating_add(places);
        at.checked_rem(self.places.len()).unwrap_or(0)
    }
}
