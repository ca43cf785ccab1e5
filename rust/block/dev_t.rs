// SPDX-License-Identifier: GPL-2.0

//! Device numbers.
//!
//! C header: [`include/linux/kdev_t.h`](srctree/include/linux/kdev_t.h)

use crate::bindings;
use kernel::{
    fmt,
    prelude::*, //
};

/// The number of a block device, shown as `major:minor`.
///
/// # Examples
///
/// ```
/// # use rb::block::dev_t::DevT;
/// let dev = DevT::new(8, 0)?;
/// pr_info!("mapped to {dev}\n");
/// ```
///
/// # Invariants
///
/// The major takes 12 bits, the minor 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DevT(bindings::dev_t);

impl DevT {
    const MINOR_MASK: u32 = (1 << bindings::MINORBITS) - 1;

    /// The number of no device.
    pub const NONE: Self = Self(0);

    /// Composes a device number.
    ///
    /// Fails with [`EINVAL`] if a part is too large.
    pub fn new(major: u32, minor: u32) -> Result<Self> {
        if major >= 1 << (32 - bindings::MINORBITS) || minor > Self::MINOR_MASK {
            return Err(EINVAL);
        }
        // INVARIANT: Checked above.
        Ok(Self(major << bindings::MINORBITS | minor))
    }

    /// Wraps the kernel's encoding.
    pub(crate) fn from_raw(dev: bindings::dev_t) -> Self {
        // INVARIANT: 12 and 20 bits are all there are.
        Self(dev)
    }

    /// Returns the kernel's encoding.
    pub(crate) fn as_raw(self) -> bindings::dev_t {
        self.0
    }

    /// Decodes the 32-bit number of user space (`new_decode_dev()`).
    pub fn decode(dev: u32) -> Self {
        let major = (dev & 0xf_ff00) >> 8;
        let minor = (dev & 0xff) | ((dev >> 12) & 0xf_ff00);
        // INVARIANT: The masks leave 12 and 20 bits.
        Self(major << bindings::MINORBITS | minor)
    }

    /// Returns the 32-bit number of user space (`new_encode_dev()`).
    pub fn encode(self) -> u32 {
        let (major, minor) = (self.major(), self.minor());
        (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
    }

    /// Returns the major number.
    pub fn major(self) -> u32 {
        self.0 >> bindings::MINORBITS
    }

    /// Returns the minor number.
    pub fn minor(self) -> u32 {
        self.0 & Self::MINOR_MASK
    }
}

impl fmt::Display for DevT {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_fmt(fmt!("{}:{}", self.major(), self.minor()))
    }
}
