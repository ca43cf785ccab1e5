// SPDX-License-Identifier: GPL-2.0

//! Files below drivers, as the world makes them: regular ones, and the nodes of lower devices.

use crate::block::{
    bio::Piece,
    dev_t::DevT, //
};
use kernel::{
    prelude::*,
    sim, //
};
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    collections::BTreeMap,
    rc::Rc, //
};

/// A regular file.
pub trait File {
    /// Returns its size in bytes.
    fn size(&self) -> u64;
    /// Returns when it was modified, in seconds.
    fn mtime(&self) -> i64;
    /// Returns the unit of the positions and that of the memory of direct I/O; zero if there is none.
    fn direct(&self) -> (u32, u32);
    /// Carries out an I/O, and ends it once: with how many bytes were done, now or later.
    fn submit(&self, io: FileIo);
    /// Makes durable what was written; may sleep.
    fn sync(&self) -> Result;
    /// Makes a hole; may sleep.
    fn punch(&self, pos: u64, bytes: u64) -> Result;
}

type End = Box<dyn FnOnce(Result<u32>)>;

/// An I/O to a file.
pub struct FileIo {
    /// Whether it writes; or else it reads.
    pub write: bool,
    /// Where it begins, in bytes.
    pub pos: u64,
    /// Its memory.
    pub pieces: Vec<Piece>,
    /// Whether it goes past the page cache.
    pub direct: bool,
    end: Option<End>,
}

impl FileIo {
    pub(crate) fn new(write: bool, pos: u64, pieces: Vec<Piece>, direct: bool, end: End) -> Self {
        Self {
            write,
            pos,
            pieces,
            direct,
            end: Some(end),
        }
    }

    /// Returns how many bytes it is.
    pub fn bytes(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len).sum()
    }

    /// Copies the data of a write.
    pub fn data(&self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.bytes());
        for piece in &self.pieces {
            let copy = |bytes: &mut [u8]| all.extend_from_slice(bytes);
            piece.page.with(piece.offset, piece.len, copy);
        }
        all
    }

    /// Sets the data of a read, or the first bytes of it.
    pub fn set_data(&self, mut data: &[u8]) {
        for piece in &self.pieces {
            let (now, later) = data.split_at(piece.len.min(data.len()));
            piece
                .page
                .with(piece.offset, now.len(), |bytes| bytes.copy_from_slice(now));
            data = later;
        }
    }

    /// Ends it.
    pub fn end(mut self, result: Result<u32>) {
        // Whoever hears of it may go then, and with him the memory.
        self.pieces.clear();
        if let Some(end) = self.end.take() {
            end(result);
        }
    }
}

impl Drop for FileIo {
    fn drop(&mut self) {
        if self.end.is_some() && sim::is_running() {
            sim::violation("the world has lost an I/O to a file");
        }
    }
}

#[derive(Clone)]
pub(crate) enum Content {
    Regular(Rc<dyn File>),
    Block(DevT, i64),
}

/// A file, and who uses it.
struct Node {
    content: Content,
    opens: usize,
    writers: usize,
    deniers: usize,
    /// How many have a lock together, or whether one has it alone.
    sharers: usize,
    locked: bool,
}

type Maker = Rc<dyn Fn() -> Rc<dyn File>>;

#[derive(Default)]
struct Table {
    paths: BTreeMap<Vec<u8>, u64>,
    nodes: BTreeMap<u64, Node>,
    maker: Option<Maker>,
}

thread_local! {
    static TABLE: RefCell<Table> = RefCell::default();
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

fn with<R>(f: impl FnOnce(&mut Table) -> R) -> R {
    TABLE.with(|table| f(&mut table.borrow_mut()))
}

impl Table {
    fn add(&mut self, path: &[u8], content: Content) -> u64 {
        let inode = NEXT.with(|next| next.replace(next.get() + 1));
        let node = Node {
            content,
            opens: 0,
            writers: 0,
            deniers: 0,
            sharers: 0,
            locked: false,
        };
        self.paths.insert(path.to_owned(), inode);
        self.nodes.insert(inode, node);
        inode
    }

    fn node(&mut self, inode: u64) -> &mut Node {
        self.nodes.get_mut(&inode).expect("an open file stays")
    }

    /// Forgets a file without a name that nobody has open.
    fn forget(&mut self, inode: u64) {
        let named = self.paths.values().any(|other| *other == inode);
        if !named && self.node(inode).opens == 0 {
            self.nodes.remove(&inode);
        }
    }
}

/// Adds a regular file.
pub fn add(path: &str, file: Rc<dyn File>) {
    with(|table| table.add(path.as_bytes(), Content::Regular(file)));
}

/// Adds the node of a lower device, which was modified at a time.
pub fn add_node(path: &str, dev: DevT, mtime: i64) {
    with(|table| table.add(path.as_bytes(), Content::Block(dev, mtime)));
}

/// Says what files are that drivers make.
pub fn make_with(maker: Maker) {
    with(|table| table.maker = Some(maker));
}

/// Removes the name of a file.
pub fn unlink(path: &str) {
    with(|table| {
        if let Some(inode) = table.paths.remove(path.as_bytes()) {
            table.forget(inode);
        }
    });
}

/// Returns whether there is such a file.
pub fn exists(path: &str) -> bool {
    with(|table| table.paths.contains_key(path.as_bytes()))
}

/// Returns whether somebody has a file open, or a lock on it.
pub fn is_used(path: &str) -> bool {
    with(|table| {
        let inode = table.paths.get(path.as_bytes()).copied();
        inode.is_some_and(|inode| {
            let node = table.node(inode);
            node.opens + node.writers + node.deniers + node.sharers != 0 || node.locked
        })
    })
}

/// An open file, as the layer has it.
pub(crate) struct Open {
    pub(crate) inode: u64,
    writes: bool,
    denies: bool,
    shares: bool,
    locks: bool,
}

impl Open {
    /// Opens a file, or makes a new one.
    pub(crate) fn new(path: &[u8], writes: bool, creates: bool) -> Result<Self> {
        sim::point();
        with(|table| {
            let inode = match (table.paths.get(path).copied(), creates) {
                (Some(_), true) => return Err(EEXIST),
                (Some(inode), false) => inode,
                (None, false) => return Err(ENOENT),
                (None, true) => {
                    let file = table.maker.as_ref().ok_or(EACCES)?();
                    table.add(path, Content::Regular(file))
                }
            };
            let node = table.node(inode);
            if writes && node.deniers != 0 {
                return Err(ETXTBSY);
            }
            node.opens += 1;
            node.writers += usize::from(writes);
            Ok(Self {
                inode,
                writes,
                denies: false,
                shares: false,
                locks: false,
            })
        })
    }

    pub(crate) fn content(&self) -> Content {
        with(|table| table.node(self.inode).content.clone())
    }

    pub(crate) fn lock(&mut self, exclusive: bool) -> Result {
        sim::point();
        with(|table| {
            let node = table.node(self.inode);
            if node.locked || (exclusive && node.sharers != 0) {
                return Err(EAGAIN);
            }
            if exclusive {
                node.locked = true;
                self.locks = true;
            } else {
                node.sharers += 1;
                self.shares = true;
            }
            Ok(())
        })
    }

    pub(crate) fn deny_writers(&mut self) -> Result {
        with(|table| {
            let node = table.node(self.inode);
            if node.writers != 0 {
                return Err(ETXTBSY);
            }
            node.deniers += 1;
            self.denies = true;
            Ok(())
        })
    }

    /// Removes the name of the file.
    pub(crate) fn unlink(&self) {
        with(|table| table.paths.retain(|_, inode| *inode != self.inode));
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        with(|table| {
            let node = table.node(self.inode);
            node.opens -= 1;
            node.writers -= usize::from(self.writes);
            node.deniers -= usize::from(self.denies);
            node.sharers -= usize::from(self.shares);
            node.locked &= !self.locks;
            table.forget(self.inode);
        });
    }
}

/// Somebody else who has a lock on a file.
pub struct Other(#[allow(dead_code, reason = "for its drop")] Open);

/// Has somebody else lock a file.
pub fn lock(path: &str, exclusive: bool) -> Result<Other> {
    let mut open = Open::new(path.as_bytes(), exclusive, false)?;
    open.lock(exclusive)?;
    Ok(Other(open))
}

/// Forgets all files.
pub(crate) fn reset() {
    TABLE.with(|table| core::mem::forget(core::mem::take(&mut *table.borrow_mut())));
    NEXT.with(|next| next.set(0));
}
