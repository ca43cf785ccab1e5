// SPDX-License-Identifier: GPL-2.0

//! An image, its backing file, and which sectors the image has.

use super::words::AtomicWords;
use crate::logic::{
    bitmap::{
        self,
        words_for, //
    },
    flush,
    format::{
        self,
        Header,
        HEADER,
        MAX_HEADER, //
    },
    layout::Layout,
    options::AddOptions,
    path::PathText, //
};
use kernel::{
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};
use rb::{
    block::{
        lower::{
            Lower,
            Sharing, //
        },
        lower_io::{
            IoBuffer,
            LowerIo, //
        }, //
    },
    errno,
    fs::Mode,
    mm, //
};

/// Bytes of the bitmap that are read at a time.
const CHUNK: usize = 64 << 10;

/// The unit of direct I/O to files; with a larger one, it goes through the page cache.
const DIRECT_UNIT: u32 = 512;

/// An open image over an open backing file.
pub(crate) struct Image {
    pub(crate) cow: Lower,
    pub(crate) backing: Lower,
    pub(crate) layout: Layout,
    /// Which sectors the image has.
    pub(crate) bits: AtomicWords,
    /// Which blocks of the bitmap the image may not have as they are.
    pub(crate) dirty: AtomicWords,
    pub(crate) read_only: bool,
    /// The smallest unit of I/O to the image and the backing file, in bytes.
    pub(crate) block_size: u32,
    /// Whether the file of the image can have holes made in it.
    punches: Atomic<bool>,
    cow_path: KVec<u8>,
    backing_path: KVec<u8>,
}

impl Image {
    /// Opens what `options` name, as the current task would, and reads the bitmap. An image that is made
    /// is removed again when this is dropped, unless [`keep`](Self::keep) was called.
    ///
    /// Fails with [`EINVAL`] if the image cannot be used, `ESTALE` if the backing file is another one
    /// than the image was made over, and [`EBUSY`] if somebody else uses one of them. Fails with [`EFBIG`] if
    /// the bitmap would take more than a quarter of all memory, with [`ENOMEM`], and with the errors of
    /// opening and reading. A line in the log says what is wrong. May sleep.
    pub(crate) fn open(options: &AddOptions<'_>) -> Result<Self> {
        let io = KBox::pin_init(LowerIo::new(1), GFP_KERNEL)?;
        let mut buffer = IoBuffer::new(CHUNK)?;
        let mut cow = match (options.create, options.read_only) {
            (true, _) => create(options, &io, &mut buffer)?,
            (false, true) => open_lower(options.cow, Mode::Read, Sharing::Alone)?,
            (false, false) => open_lower(options.cow, Mode::ReadWrite, Sharing::Alone)?,
        };
        let has = read_up_to(&io, &cow, 0, &mut buffer, HEADER_BYTES)?;
        let path = copy_of(options.cow)?;
        let head = buffer.get(..has.min(MAX_HEADER)).unwrap_or_default();
        let (header, layout) = understand(head, &cow, &path)?;

        let backing_path = options.backing.unwrap_or(header.backing);
        let mut backing = open_lower(backing_path, Mode::Read, Sharing::Readers)?;
        check_backing(&header, &cow, &backing, &path, options.force)?;
        let backing_path = copy_of(backing_path)?;

        let block_size = prepare(&mut cow, &mut backing, &layout, &path)?;
        let bits = load_bitmap(&io, &cow, &layout, &mut buffer)?;
        check_blocks(&bits, block_size, &layout, &path)?;
        let dirty_blocks = flush::blocks_for(layout.sectors());
        Ok(Self {
            read_only: options.read_only || lacks_bits(&layout, &path),
            dirty: AtomicWords::new(words_for(dirty_blocks).ok_or(EFBIG)?)?,
            punches: Atomic::new(cow.bdev().is_none()),
            cow,
            backing,
            layout,
            bits,
            block_size,
            cow_path: path,
            backing_path,
        })
    }

    /// Has an image that was made just now stay.
    pub(crate) fn keep(&self) {
        self.cow.file().keep();
    }

    /// Returns the path of the image, as it was named.
    pub(crate) fn cow_path(&self) -> PathText<'_> {
        PathText(&self.cow_path)
    }

    /// Returns the path of the backing file, as it was named.
    pub(crate) fn backing_path(&self) -> PathText<'_> {
        PathText(&self.backing_path)
    }

    /// Notes that the image has these sectors, whose data was written.
    pub(crate) fn commit(&self, first: u64, count: u64) {
        if bitmap::set(&self.bits, first, count) {
            flush::mark(&self.dirty, first, count);
        }
    }

    /// Returns how many sectors the image has.
    pub(crate) fn cow_sectors(&self) -> u64 {
        bitmap::count(&self.bits)
    }

    /// Returns how many blocks of the bitmap are yet to be written.
    pub(crate) fn dirty_blocks(&self) -> u64 {
        flush::count_dirty(&self.dirty)
    }

    /// Makes a hole in the file of the image, which reads as zeroes. Returns [`None`] if that cannot be
    /// done there, or the file ends before: what is read behind its end is an error. Sleeps.
    pub(crate) fn punch(&self, pos: u64, bytes: u64) -> Option<Result> {
        if !self.punches.load(Relaxed) || self.cow.bytes().ok()? < pos.checked_add(bytes)? {
            return None;
        }
        let result = self.cow.file().punch_hole(pos, bytes);
        let errno = result.map_or_else(|err| -err.to_errno(), |()| 0);
        if matches!(errno, errno::EOPNOTSUPP | errno::ENOSYS) {
            self.punches.store(false, Relaxed);
            return None;
        }
        Some(result)
    }
}

impl kernel::fmt::Display for PathText<'_> {
    fn fmt(&self, f: &mut kernel::fmt::Formatter<'_>) -> kernel::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

/// Bytes of an image in which its header is: whole blocks of any device.
const HEADER_BYTES: usize = 8192;

/// Says in the log what is wrong with a file.
fn say(path: &[u8], what: impl core::fmt::Display) {
    pr_err!("{}: {}\n", PathText(path), core::format_args!("{what}"));
}

fn copy_of(path: &[u8]) -> Result<KVec<u8>> {
    let mut copy = KVec::with_capacity(path.len(), GFP_KERNEL)?;
    copy.extend_from_slice(path, GFP_KERNEL)?;
    Ok(copy)
}

fn open_lower(path: &[u8], mode: Mode, sharing: Sharing) -> Result<Lower> {
    Lower::open(path, mode, sharing).inspect_err(|err| {
        pr_err!("{}: cannot open: {:?}\n", PathText(path), err);
    })
}

/// Makes a new image. If this fails, there is none.
fn create(options: &AddOptions<'_>, io: &LowerIo, buffer: &mut IoBuffer) -> Result<Lower> {
    let backing_path = options.backing.ok_or(EINVAL)?;
    let backing = open_lower(backing_path, Mode::Read, Sharing::Readers)?;
    let mut header = KBox::new([0; HEADER], GFP_KERNEL)?;
    let mtime = backing.file().stat()?.mtime;
    let layout =
        format::create(backing_path, backing.bytes()?, mtime, &mut header).map_err(|err| {
            say(options.cow, err);
            EINVAL
        })?;
    if !backing_path.starts_with(b"/") {
        pr_err!("{}: not an absolute path\n", PathText(backing_path));
        return Err(EINVAL);
    }

    let cow = open_lower(options.cow, Mode::Create, Sharing::Alone)?;
    for (byte, value) in buffer.iter_mut().zip(header.iter()) {
        *byte = *value;
    }
    write_all(io, &cow, 0, buffer, HEADER)?;
    // The last byte is a zero of the buffer; all before it is a hole.
    for byte in buffer.iter_mut().take(1) {
        *byte = 0;
    }
    let last = layout.file_bytes().checked_sub(1).ok_or(EINVAL)?;
    write_all(io, &cow, last, buffer, 1)?;
    cow.sync()?;
    Ok(cow)
}

/// Reads and checks the header.
fn understand<'a>(head: &'a [u8], cow: &Lower, path: &[u8]) -> Result<(Header<'a>, Layout)> {
    let length = cow.bytes()?;
    let understood = Header::parse(head).and_then(|header| {
        let layout = header.layout()?;
        match cow.bdev() {
            Some(_) => layout.check_device(length)?,
            None => layout.check_file(length)?,
        }
        Ok((header, layout))
    });
    understood.map_err(|err| {
        say(path, err);
        EINVAL
    })
}

fn check_backing(
    header: &Header<'_>,
    cow: &Lower,
    backing: &Lower,
    path: &[u8],
    force: bool,
) -> Result {
    if cow.file().is_same(backing.file()) {
        pr_err!("{}: backs itself\n", PathText(path));
        return Err(EINVAL);
    }
    let mtime = backing.file().stat()?.mtime;
    header
        .check_backing(backing.bytes()?, mtime, force)
        .map_err(|err| {
            say(path, err);
            Error::from_errno(-errno::ESTALE)
        })
}

/// Decides how I/O is done; returns the size of its blocks.
fn prepare(cow: &mut Lower, backing: &mut Lower, layout: &Layout, path: &[u8]) -> Result<u32> {
    let granularity = layout.granularity();
    if granularity >= u64::from(DIRECT_UNIT) {
        cow.use_direct_io(DIRECT_UNIT)?;
    }
    backing.use_direct_io(DIRECT_UNIT)?;

    let block_of = |lower: &Lower| {
        lower
            .bdev()
            .map_or(DIRECT_UNIT, |bdev| bdev.limits().logical_block_size)
    };
    let cow_block = block_of(cow);
    let block = cow_block.max(block_of(backing));
    // Files take parts of blocks, through the page cache if need be.
    if cow.bdev().is_some() && granularity < u64::from(cow_block) {
        say(
            path,
            core::format_args!("aligned to {granularity} bytes, the device it is on has blocks of {cow_block} bytes"),
        );
        return Err(EINVAL);
    }
    let sectors = layout.sectors();
    if sectors.checked_rem(u64::from(block / DIRECT_UNIT)) != Some(0) {
        say(
            path,
            core::format_args!(
                "{sectors} sectors of 512 bytes are not whole blocks of {block} bytes"
            ),
        );
        return Err(EINVAL);
    }
    Ok(block)
}

fn load_bitmap(
    io: &LowerIo,
    cow: &Lower,
    layout: &Layout,
    buffer: &mut IoBuffer,
) -> Result<AtomicWords> {
    let words = words_for(layout.sectors()).ok_or(EFBIG)?;
    if words / (PAGE_SIZE / size_of::<u64>()) > mm::total_pages() / 4 {
        pr_err!(
            "a bitmap of {} pages is too large\n",
            words >> (PAGE_SHIFT - 3)
        );
        return Err(EFBIG);
    }
    let bits = AtomicWords::new(words)?;
    let end = layout.bitmap_bytes();
    let mut at = 0;

    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
        let pos = layout.bitmap_offset().checked_add(at).ok_or(EFBIG)?;
        // Whole blocks of any device; what is behind the bitmap is not taken.
        let asked = wanted.next_multiple_of(PAGE_SIZE).min(CHUNK);
        let has = read_up_to(io, cow, pos, buffer, asked)?;
        if has < wanted {
            return Err(EIO);
        }
        let bytes = buffer.get(..wanted).unwrap_or_default();
        bitmap::load_bytes(&bits, at, bytes, layout.sectors());
        at += wanted as u64;
    }
    Ok(bits)
}

/// Checks that each block is either in the image or not.
fn check_blocks(bits: &AtomicWords, block_size: u32, layout: &Layout, path: &[u8]) -> Result {
    let group = block_size / DIRECT_UNIT;
    if group == 1 {
        return Ok(());
    }
    match bitmap::first_mixed(bits, group, layout.sectors()) {
        None => Ok(()),
        Some(sector) => {
            pr_err!(
                "{}: only a part of the block of {block_size} bytes at sector {sector} is in it\n",
                PathText(path)
            );
            Err(EINVAL)
        }
    }
}

/// Returns whether the image cannot be written, as not all sectors have bits; and warns about what
/// others do not understand.
fn lacks_bits(layout: &Layout, path: &[u8]) -> bool {
    let path = PathText(path);
    if layout.has_tail() {
        pr_warn!("{path}: the last sector is not whole; uml_moo leaves it out\n");
    }
    if !layout.is_whole() {
        pr_warn!("{path}: its last sectors have no bits, so it cannot be written\n");
    }
    !layout.is_whole()
}

/// Reads up to `wanted` bytes, fewer only at the end of the file. Returns how many.
fn read_up_to(
    io: &LowerIo,
    lower: &Lower,
    pos: u64,
    buffer: &mut IoBuffer,
    wanted: usize,
) -> Result<usize> {
    let mut wanted = wanted;
    if lower.bdev().is_some() {
        let left = lower.bytes()?.saturating_sub(pos);
        wanted = usize::try_from(left).unwrap_or(usize::MAX).min(wanted);
    }
    let mut done = 0;
    while done < wanted {
        match io.read(lower, pos + done as u64, buffer, done..wanted)? {
            0 => break,
            bytes => done += bytes,
        }
    }
    Ok(done)
}

fn write_all(io: &LowerIo, lower: &Lower, pos: u64, buffer: &IoBuffer, bytes: usize) -> Result {
    let mut done = 0;
    while done < bytes {
        match io.write(lower, pos + done as u64, buffer, done..bytes)? {
            0 => return Err(EIO),
            more => done += more,
        }
    }
    Ok(())
}
