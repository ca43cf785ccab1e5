// SPDX-License-Identifier: GPL-2.0

//! Files of sysfs and debugfs: `class/NAME/FILE`, `block/DISK/FILE`, `debug/...`.

use crate::{
    new_wait_queue,
    wait::WaitQueue, //
};
use kernel::{
    prelude::*,
    sim,
    sync::Arc, //
};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    sync::Mutex, //
};

/// Reads a file.
pub type Show = Box<dyn Fn() -> Result<Vec<u8>>>;

/// Writes to a file.
pub type Store = Box<dyn Fn(&[u8]) -> Result>;

thread_local! {
    static FILES: RefCell<BTreeMap<String, Rc<File>>> = const { RefCell::new(BTreeMap::new()) };
}

struct File {
    show: Option<Show>,
    store: Option<Store>,
    users: Arc<Users>,
}

/// Who reads and writes a file now.
#[pin_data]
struct Users {
    count: Mutex<usize>,
    #[pin]
    idle: WaitQueue,
}

impl Users {
    fn change(&self, by: isize) -> usize {
        let mut count = self
            .count
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        *count = count.wrapping_add_signed(by);
        *count
    }
}

/// Removes the file when it is dropped, which waits for those who use it.
pub struct Entry(String, Arc<Users>);

/// Adds a file.
pub fn add(path: String, show: Option<Show>, store: Option<Store>) -> Entry {
    // Sysfs has memory here: what fails by that is tested where the layer asks for it.
    let users = sim::faults::spare(|| {
        Arc::pin_init(
            pin_init!(Users {
                count: Mutex::new(0),
                idle <- new_wait_queue!("the users of a file"),
            }),
            GFP_ATOMIC,
        )
    });
    let users = users.expect("nothing fails");
    let file = File {
        show,
        store,
        users: users.clone(),
    };
    FILES.with(|files| files.borrow_mut().insert(path.clone(), Rc::new(file)));
    sim::point();
    Entry(path, users)
}

/// Returns whether there is a file.
pub fn exists(path: &str) -> bool {
    FILES.with(|files| files.borrow().contains_key(path))
}

/// Returns the paths of all files.
pub fn list() -> Vec<String> {
    FILES.with(|files| files.borrow().keys().cloned().collect())
}

/// Reads a file.
pub fn show(path: &str) -> Result<Vec<u8>> {
    with(path, |file| file.show.as_ref().ok_or(EACCES)?())
}

/// Writes to a file.
pub fn store(path: &str, text: &[u8]) -> Result {
    with(path, |file| file.store.as_ref().ok_or(EACCES)?(text))
}

fn with<R>(path: &str, f: impl FnOnce(&File) -> Result<R>) -> Result<R> {
    sim::point();
    let file = FILES.with(|files| {
        let file = files.borrow().get(path).cloned()?;
        file.users.change(1);
        Some(file)
    });
    let file = file.ok_or(ENOENT)?;
    let users = file.users.clone();
    let result = f(&file);
    // Before the one who removes the file goes on.
    drop(file);
    if users.change(-1) == 0 {
        users.idle.wake_up_all();
    }
    result
}

impl Drop for Entry {
    fn drop(&mut self) {
        sim::might_sleep("removing a file");
        let file = FILES.with(|files| files.borrow_mut().remove(&self.0));
        self.1.idle.wait_event(|| self.1.change(0) == 0);
        drop(file);
    }
}

/// Forgets all files.
pub(crate) fn reset() {
    FILES.with(|files| core::mem::forget(core::mem::take(&mut *files.borrow_mut())));
}
