// SPDX-License-Identifier: GPL-2.0

//! The image and what backs it, and what is known of them.

use crate::{
    judge::{
        blocks::{
            fill,
            value_of, //
        },
        cow::{
            Geometry,
            Header,
            Version,
            SECTOR, //
        },
        Initial, //
    },
    scenarios::user::Data,
    world::store::{
        Behaviour,
        Store, //
    },
};
use kernel::sim::{
    self,
    choose,
    once_in, //
};
use rb::{
    block::dev_t::DevT,
    sim::{
        lower,
        vfs, //
    },
};
use std::{
    cell::{
        Cell,
        RefCell, //
    },
    rc::Rc, //
};

/// What nothing takes longer than that ends at all: many IOs below, and lack of memory again and again.
pub(super) const LONGEST: u64 = 10 * 1_000_000_000;

/// Paths of the image and of what backs it.
pub(super) const IMAGE: &str = "/image";
pub(super) const BASE: &str = "/base of it";

/// When what backs the image was modified.
pub(super) const MTIME: i64 = 0x1_2345_6789;

/// Sectors whose bits are in a block of the bitmap.
const BLOCK: u64 = 8 * 4096;

/// Sectors that users touch of each region.
pub(super) const REGION: u64 = 48;

/// What the tasks share.
pub(super) struct World {
    pub(super) image: RefCell<Rc<Store>>,
    pub(super) base: Rc<Store>,
    pub(super) geometry: Geometry,
    pub(super) header: Header,
    pub(super) data: Rc<Data>,
    /// Sectors of a block.
    pub(super) block: u64,
    /// Where the sectors begin that users touch.
    pub(super) regions: Vec<u64>,
    /// Whether the image is there before the disk is.
    pub(super) is_made: bool,
    /// How many sectors the image has room for.
    there: u64,
    pub(super) read_only: bool,
    pub(super) discards: bool,
    pub(super) faults: bool,
    pub(super) how: Behaviour,
    pub(super) on_device: bool,
    pub(super) base_on_device: bool,
    pub(super) initial: Initial,
    /// Nobody uses the disk any more.
    pub(super) over: Cell<bool>,
    /// How often somebody has begun to remove the disk by force, and to open it.
    pub(super) forced: Cell<u64>,
    pub(super) opens: Cell<u64>,
    /// How many have it open.
    pub(super) openers: Cell<u64>,
    /// How many IOs had failed when the last flush began that has succeeded.
    pub(super) flushed_at: Cell<u64>,
    /// How often the image had lost something when the disk was added.
    pub(super) losses: Cell<u64>,
    /// The disk was removed, and what was written to it is lost.
    pub(super) dead: Cell<bool>,
    /// The image is being made.
    pub(super) making: Cell<bool>,
    snapshots: Cell<u64>,
    /// How many IOs had failed of images that were not added.
    failed_before: Cell<u64>,
}

fn base_value(sector: u64) -> u64 {
    0xbac0_0000_0000_0000 | sector << 1
}

fn image_value(sector: u64) -> u64 {
    0xc0c0_0000_0000_0000 | sector << 1
}

pub(super) fn image_dev() -> DevT {
    DevT::new(8, 16).expect("there is such a number")
}

pub(super) fn base_dev() -> DevT {
    DevT::new(8, 32).expect("there is such a number")
}

fn pick<T: Copy>(from: &[T]) -> T {
    from[choose(from.len() as u64) as usize]
}

fn behaviour(on_device: bool) -> Behaviour {
    Behaviour {
        latency: pick(&[1, 100_000, 10_000_000]),
        failures: pick(&[0, 0, 12, 60]),
        busy: pick(&[0, 0, 3, 40]),
        full: pick(&[0, 0, 0, 20]),
        short: pick(&[0, 2, 10]),
        volatile: !once_in(4),
        forgets: false,
        punches: !once_in(3),
        unit: if on_device {
            pick(&[512, 512, 4096])
        } else {
            pick(&[0, 512, 4096])
        },
        read_only: false,
    }
}

/// How many sectors, and how many bytes are missing of the last one.
fn size(whole_blocks: bool, version: Version) -> (u64, u64) {
    let is_large = once_in(150) && matches!(version, Version::Three | Version::ThreeLong);
    let sectors = match () {
        () if is_large => BLOCK * 34 + choose(5) * 8 + 16,
        () if once_in(8) => BLOCK + 8 + choose(3) * 8,
        () => 8 + choose(6) * 8,
    };
    if whole_blocks {
        return (sectors, 0);
    }
    let sectors = sectors - choose(2) * choose(8);
    (sectors, choose(2) * choose(SECTOR - 8))
}

impl World {
    pub(super) fn build() -> Rc<Self> {
        let (on_device, base_on_device) = pick(&[
            (true, true),
            (true, true),
            (false, false),
            (false, false),
            (true, false),
            (false, true),
        ]);
        let (mut how, base_how) = (behaviour(on_device), behaviour(base_on_device));
        let header = header(on_device, base_on_device, how.unit);
        let geometry = header.geometry();
        // A page cache forgets what could not be written back.
        how.forgets = !on_device && (how.unit != 512 || geometry.bitmap % 512 != 0);
        let is_made = on_device || header.version != Version::Three || once_in(2);
        let header = if is_made {
            header
        } else {
            Header {
                align: 4096,
                ..header
            }
        };
        let geometry = if is_made { geometry } else { header.geometry() };
        let block = [(on_device, how), (base_on_device, base_how)]
            .iter()
            .filter(|(is_device, _)| *is_device)
            .map(|(_, how)| u64::from(how.unit) / SECTOR)
            .max()
            .unwrap_or(1);
        let salt = choose(1 << 20);
        // A file may end before: there the image has nothing yet.
        let is_short = is_made && !on_device && once_in(4);
        let there = if is_short {
            choose(geometry.sectors.min(REGION)) / block * block
        } else {
            geometry.sectors
        };
        let has = move |sector: u64| {
            let group = sector / block + salt;
            let is_hot = sector % BLOCK < REGION;
            is_hot && group.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61 < 3
        };
        let writable = geometry.writable();
        let initial = Initial::new(move |sector| {
            if is_made && has(sector) && sector < writable.min(there) {
                image_value(sector)
            } else {
                base_value(sector)
            }
        });
        let base = base(&header, &geometry, base_how);
        let regions = (0..geometry.sectors.div_ceil(BLOCK)).map(|n| n * BLOCK);
        let regions: Vec<u64> = regions.collect();
        let world = Rc::new(Self {
            image: RefCell::new(Store::new("the image", 0, 0, how)),
            base,
            geometry,
            header,
            data: Rc::new(Data::of(initial.clone(), !how.forgets)),
            block,
            regions,
            is_made,
            there,
            read_only: is_made && once_in(12),
            discards: !once_in(5),
            faults: !once_in(3),
            how,
            on_device,
            base_on_device,
            initial,
            over: Cell::new(false),
            forced: Cell::new(0),
            opens: Cell::new(0),
            openers: Cell::new(0),
            flushed_at: Cell::new(0),
            losses: Cell::new(0),
            dead: Cell::new(false),
            making: Cell::new(false),
            snapshots: Cell::new(0),
            failed_before: Cell::new(0),
        });
        world.add_files();
        world
    }

    fn add_files(self: &Rc<Self>) {
        let node = |path, dev, store: &Rc<Store>, mtime| {
            lower::add(dev, store.clone());
            vfs::add_node(path, dev, mtime);
        };
        if self.base_on_device {
            node(BASE, base_dev(), &self.base, MTIME);
        } else {
            vfs::add(BASE, self.base.clone());
        }
        if self.is_made {
            let image = self.new_image();
            if self.on_device {
                node(IMAGE, image_dev(), &image, 0);
            } else {
                vfs::add(IMAGE, image);
            }
        } else {
            let world = Rc::downgrade(self);
            vfs::make_with(Rc::new(move || {
                let world = world.upgrade().expect("it is there");
                world.making.set(true);
                world.new_image()
            }));
        }
    }

    /// Makes the image, with what it has at first; empty if the driver is to make it.
    fn new_image(self: &Rc<Self>) -> Rc<Store> {
        let place = &self.geometry;
        let whole = place.data + place.sectors * SECTOR;
        let size = match (self.is_made, self.on_device) {
            (false, _) => 0,
            (true, true) => whole.next_multiple_of(4096),
            (true, false) => place.data + self.header.size.min(self.there * SECTOR),
        };
        let image = Store::new("the image", size, 0, self.how);
        if self.is_made {
            self.fill_image(&image);
        }
        let world = Rc::downgrade(self);
        image.watch(Rc::new(move |range| {
            if let Some(world) = world.upgrade() {
                world.look_at_write(range);
            }
        }));
        let before = self.failed_before.get() + self.image.borrow().failures();
        self.failed_before.set(before);
        *self.image.borrow_mut() = image.clone();
        image
    }

    fn fill_image(&self, image: &Store) {
        let place = &self.geometry;
        image.fill(0, &self.header.encode());
        let mut bitmap = vec![0; place.bitmap_bytes as usize];
        for sector in self.hot() {
            let has = self.initial.of(sector) == image_value(sector);
            match place.bit(sector) {
                Some((at, bit)) if has => bitmap[(at - place.bitmap) as usize] |= bit,
                // What somebody else has left there.
                _ if once_in(8) && sector < self.there => {
                    image.fill(place.data + sector * SECTOR, &fill(0xbad0_0000 + sector));
                    continue;
                }
                _ => continue,
            }
            image.fill(place.data + sector * SECTOR, &fill(image_value(sector)));
        }
        image.fill(place.bitmap, &bitmap);
    }

    /// Looks at a write to the image: where it is, and if it says that data is there, whether it is.
    fn look_at_write(&self, range: core::ops::Range<u64>) {
        let place = &self.geometry;
        if self.making.get() {
            return;
        }
        if range.start < place.bitmap || (range.start < place.data && range.end > place.data) {
            sim::violation(&format!("{range:?} of the image is written; {place:?}"));
        }
        if range.start >= place.data + place.sectors * SECTOR {
            sim::violation(&format!(
                "{range:?} of the image is written, behind the end"
            ));
        }
        if range.start < place.data {
            self.look_after_cut();
        }
    }

    /// Returns the sectors that users touch.
    pub(super) fn hot(&self) -> impl Iterator<Item = u64> + '_ {
        let end = self.geometry.sectors;
        let regions = self.regions.iter();
        regions.flat_map(move |at| *at..(at + REGION).min(end))
    }

    /// Judges all that a power cut could leave now.
    pub(super) fn look_after_cut(&self) {
        sim::count("power cuts", 1);
        let image = self.image.borrow().clone();
        for sector in self.hot() {
            for value in self.decode(&image, sector) {
                let verdict = value.and_then(|value| self.data.flushed.look(sector, value));
                if let Err(text) = verdict {
                    sim::violation(&text);
                }
            }
        }
    }

    /// Returns all that a sector of the disk can be after a power cut.
    fn decode(&self, image: &Store, sector: u64) -> Vec<Result<u64, String>> {
        let place = &self.geometry;
        let mut values = Vec::new();
        let (mut with, mut without) = (false, false);
        match place.bit(sector) {
            Some((at, bit)) => {
                for bitmap in image.after_cut(at / SECTOR) {
                    let is_set = bitmap[(at % SECTOR) as usize] & bit != 0;
                    with |= is_set;
                    without |= !is_set;
                }
            }
            None => without = true,
        }
        if without {
            values.push(Ok(base_value(sector)));
        }
        if with {
            for content in image.after_cut(place.data / SECTOR + sector) {
                let value = value_of(&content);
                values.push(value.ok_or_else(|| format!("sector {sector} is torn in the image")));
            }
        }
        values
    }

    /// Looks at the header, which nobody may change.
    pub(super) fn look_at_header(&self) {
        let image = self.image.borrow().clone();
        let bytes = self.header.encode();
        let now = image.current(0, bytes.len());
        if Header::decode(&now).as_ref() != Ok(&self.header) || now != bytes {
            sim::violation(&format!("the header is {:?}", Header::decode(&now)));
        }
    }

    /// Has a read of the last sector be what the judges know, if there is only a part of it, as at first.
    pub(super) fn straighten(&self, first: u64, data: &mut [u8]) {
        let last = self.geometry.sectors - 1;
        for value in [base_value(last), self.initial.of(last)] {
            self.straighten_to(value, first, data);
        }
    }

    /// The same, if what there is of it is of that value.
    pub(super) fn straighten_to(&self, value: u64, first: u64, data: &mut [u8]) {
        let last = self.geometry.sectors - 1;
        let there = (self.header.size - last * SECTOR) as usize;
        let Some(at) = last.checked_sub(first).map(|n| (n * SECTOR) as usize) else {
            return;
        };
        if let Some(bytes) = data.get_mut(at..at + SECTOR as usize) {
            let whole = fill(value);
            let is_it = bytes[..there] == whole[..there];
            if is_it && bytes[there..].iter().all(|byte| *byte == 0) {
                bytes.copy_from_slice(&whole);
            }
        }
    }

    /// Returns whether the disk is not to be written, as somebody has asked for that, or as not all
    /// sectors have bits.
    pub(super) fn is_read_only(&self) -> bool {
        self.read_only || self.geometry.writable() < self.geometry.sectors
    }

    /// Returns whether the image has lost something since the disk was added.
    pub(super) fn has_lost(&self) -> bool {
        self.image.borrow().losses() != self.losses.get()
    }

    /// Returns how many IOs below have failed.
    pub(super) fn failures(&self) -> u64 {
        self.image.borrow().failures() + self.base.failures() + self.failed_before.get()
    }

    /// Makes an image of what a power cut leaves now. Returns its path, and what its sectors are.
    pub(super) fn snapshot(&self) -> (String, Vec<(u64, u64)>) {
        let good = Behaviour {
            unit: if self.how.unit == 4096 {
                0
            } else {
                self.how.unit
            },
            latency: 1000,
            punches: true,
            ..Behaviour::default()
        };
        let cut = self.image.borrow().cut(good);
        self.snapshots.set(self.snapshots.get() + 1);
        let path = format!("/after cut {}", self.snapshots.get());
        let values = self.hot().map(|sector| {
            let value = self.decode(&cut, sector).first().cloned();
            (sector, value.and_then(Result::ok).unwrap_or(0))
        });
        let values = values.collect();
        vfs::add(&path, cut);
        (path, values)
    }
}

/// Makes the header of an image that can be used where it is.
fn header(on_device: bool, base_on_device: bool, unit: u32) -> Header {
    let version = match choose(8) {
        0 if !on_device => Version::OneBig,
        1 if !on_device => Version::OneLittle,
        2 | 3 if !on_device => Version::Two,
        4 => Version::ThreeLong,
        _ => Version::Three,
    };
    let align = match version {
        Version::Three | Version::ThreeLong if on_device && unit == 4096 => pick(&[4096, 8192]),
        Version::Three | Version::ThreeLong => pick(&[512, 1536, 4096, 4096, 65536]),
        _ => 512,
    };
    let (sectors, missing) = size(on_device || base_on_device, version);
    Header {
        version,
        backing: BASE.as_bytes().to_vec(),
        mtime: MTIME as u32,
        size: sectors * SECTOR - missing,
        align,
    }
}

fn base(header: &Header, place: &Geometry, how: Behaviour) -> Rc<Store> {
    let how = Behaviour {
        read_only: true,
        ..how
    };
    let base = Store::new("what backs it", header.size, MTIME, how);
    for region in 0..place.sectors.div_ceil(BLOCK) {
        for sector in (region * BLOCK..place.sectors).take(REGION as usize) {
            base.fill(sector * SECTOR, &fill(base_value(sector)));
        }
    }
    base
}
