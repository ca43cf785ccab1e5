// SPDX-License-Identifier: GPL-2.0

//! Files that list things, as many as there are.

use crate::bindings;
use core::{
    any::Any,
    ptr, //
};
use kernel::{
    fmt,
    page::PAGE_SIZE,
    prelude::*,
    str::as_char_ptr_in_const_context,
    sync::Arc,
    types::Opaque, //
};

/// A read-only file that has a line of text for each of many things. Unlike an
/// [`Attribute`](super::Attribute), it may be larger than a page.
///
/// # Examples
///
/// ```
/// # use rb::sysfs::{Listing, Window};
/// # struct Page(u32);
/// # struct Cache([Page; 3]);
/// # impl Cache {
/// #     fn for_each_page(&self, f: impl FnMut(&Page) -> Result) -> Result {
/// #         self.0.iter().try_for_each(f)
/// #     }
/// # }
/// struct Pages;
///
/// impl Listing for Pages {
///     type Data = Cache;
///     const NAME: &'static CStr = c"pages";
///
///     fn list(cache: &Cache, out: &mut Window<'_>) -> Result {
///         cache.for_each_page(|page| out.print(fmt!("{}\n", page.0)))
///     }
/// }
/// ```
pub trait Listing: 'static {
    /// What the file is about.
    type Data: Send + Sync + 'static;

    /// The name of the file.
    const NAME: &'static CStr;

    /// Writes the whole list, of which a reader gets a page at a time: it is called for each.
    ///
    /// If `out` fails, it has all that it wants, and this returns that error. Another error is what
    /// `read(2)` returns. Process context, may sleep; may run several at a time. Removing the file
    /// waits for it, so it must not wait for a lock that is held meanwhile.
    fn list(data: &Self::Data, out: &mut Window<'_>) -> Result;
}

/// The part of a list that one read gets: the bytes from its position on.
///
/// The list is written anew for each read. So if it changes while somebody reads it in parts, the line
/// that is broken by two parts can be wrong, and others can be there twice or be missing.
pub struct Window<'a> {
    buffer: &'a mut [u8],
    /// How many bytes are still before the window.
    before: u64,
    len: usize,
    full: bool,
}

impl<'a> Window<'a> {
    /// A window on what begins at byte `pos` of the list, as large as the buffer.
    pub fn new(buffer: &'a mut [u8], pos: u64) -> Self {
        Self {
            buffer,
            before: pos,
            len: 0,
            full: false,
        }
    }

    /// Appends formatted text to the list: `out.print(fmt!("{} {}\n", a, b))`.
    ///
    /// Fails with [`EOVERFLOW`] if the window is full.
    pub fn print(&mut self, args: fmt::Arguments<'_>) -> Result {
        fmt::Write::write_fmt(self, args).map_err(|_| EOVERFLOW)
    }

    /// Returns how many bytes were put in the buffer, given the result of the one who wrote the list.
    pub fn finish(self, result: Result) -> Result<usize> {
        if !self.full {
            result?;
        }
        Ok(self.len)
    }
}

impl fmt::Write for Window<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let text = text.as_bytes();
        let skip = usize::try_from(self.before).map_or(text.len(), |n| n.min(text.len()));
        self.before -= skip as u64;

        let text = text.get(skip..).unwrap_or_default();
        let room = self.buffer.get_mut(self.len..).unwrap_or_default();
        let len = text.len().min(room.len());
        for (to, from) in room.iter_mut().zip(text) {
            *to = *from;
        }
        self.len += len;
        if len < text.len() {
            self.full = true;
            return Err(fmt::Error);
        }
        Ok(())
    }
}

/// What C wants to know of a listing, and the pointers from one part to the other.
struct Raw {
    attr: bindings::bin_attribute,
    attrs: [*const bindings::bin_attribute; 2],
    group: bindings::attribute_group,
    groups: [*const bindings::attribute_group; 2],
}

/// A [`Listing`] and what it is about, in the form of groups of an object that is registered.
///
/// # Invariants
///
/// `raw` is initialized: its list of groups has one, with one file, whose callback expects the data
/// that `data` has, and finds it.
#[pin_data]
pub(crate) struct ListingGroups {
    #[pin]
    raw: Opaque<Raw>,
    data: Arc<dyn Any + Send + Sync>,
}

// SAFETY: What C reads is constant, and the data is `Send` and `Sync`.
unsafe impl Send for ListingGroups {}

// SAFETY: As above.
unsafe impl Sync for ListingGroups {}

impl ListingGroups {
    /// Makes the groups of an object whose only file is `L`, about `data`.
    pub(crate) fn new<L: Listing>(data: Arc<L::Data>) -> impl PinInit<Self> {
        let about: *mut c_void = Arc::as_ptr(&data).cast_mut().cast();

        pin_init!(Self {
            // INVARIANT: As it is initialized.
            raw <- Opaque::ffi_init(move |raw: *mut Raw| {
                let mut attr: bindings::bin_attribute = pin_init::zeroed();
                attr.attr.name = as_char_ptr_in_const_context(L::NAME);
                attr.attr.mode = 0o444;
                #[cfg(CONFIG_DEBUG_LOCK_ALLOC)]
                {
                    attr.attr.key = kernel::static_lock_class!().as_ptr();
                }
                attr.private = about;
                attr.read = Some(read::<L>);
                let mut group: bindings::attribute_group = pin_init::zeroed();

                // SAFETY: `raw` is valid for writes, and stays where it is.
                unsafe {
                    group.bin_attrs = (&raw const (*raw).attrs).cast();
                    raw.write(Raw {
                        attr,
                        attrs: [&raw const (*raw).attr, ptr::null()],
                        group,
                        groups: [&raw const (*raw).group, ptr::null()],
                    });
                }
            }),
            data,
        })
    }

    /// Returns what C takes. It is used as long as the object is registered.
    pub(crate) fn as_ptr(&self) -> *mut *const bindings::attribute_group {
        // SAFETY: By the type invariant, it is initialized.
        unsafe { &raw mut (*self.raw.get()).groups }.cast()
    }
}

/// # Safety
///
/// Only sysfs may call this, for an attribute of [`ListingGroups::new::<L>`].
unsafe extern "C" fn read<L: Listing>(
    _file: *mut bindings::file,
    _kobj: *mut bindings::kobject,
    attr: *const bindings::bin_attribute,
    buf: *mut c_char,
    pos: bindings::loff_t,
    count: usize,
) -> isize {
    // SAFETY: By the requirements of this function, this is the data of the listing, which lives
    // until the file has been removed, and that waits for us.
    let data: &L::Data = unsafe { &*(*attr).private.cast_const().cast() };
    // SAFETY: sysfs passes memory for `count` bytes that is ours until we return.
    unsafe { read_window::<L>(data, buf, pos, count) }
}

/// Writes the part of a list that is read; returns how many bytes, or a negative errno.
///
/// # Safety
///
/// `buf` must be valid for writes of `count` bytes, which nobody else uses meanwhile.
pub(super) unsafe fn read_window<L: Listing>(
    data: &L::Data,
    buf: *mut c_char,
    pos: bindings::loff_t,
    count: usize,
) -> isize {
    kernel::error::from_result(|| {
        let pos = u64::try_from(pos)?;
        let count = count.min(PAGE_SIZE);
        // SAFETY: By the requirements of this function; all of it is initialized before it is a slice.
        let buffer = unsafe {
            buf.write_bytes(0, count);
            core::slice::from_raw_parts_mut(buf.cast::<u8>(), count)
        };
        let mut window = Window::new(buffer, pos);
        let result = L::list(data, &mut window);
        Ok(isize::try_from(window.finish(result)?)?)
    })
}
