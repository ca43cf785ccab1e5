// SPDX-License-Identifier: GPL-2.0

//! The attributes of netlink messages, as bytes: length, type, payload, padding.
//!
//! What is read here comes from user space, so nothing is believed.

/// The length of the header of an attribute.
const HEADER: usize = 4;

/// The bits of the type that are no flags.
const TYPE_MASK: u16 = 0x3fff;

/// An attribute: a type, and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawAttr<'a> {
    /// The type, without flags.
    pub kind: u16,
    /// The bytes, without header and padding.
    pub payload: &'a [u8],
}

impl<'a> RawAttr<'a> {
    /// Returns the first `N` bytes, if there are as many.
    ///
    /// More may follow: the kernel has always tolerated that.
    pub fn first<const N: usize>(&self) -> Option<[u8; N]> {
        self.payload.first_chunk().copied()
    }

    /// Returns the bytes up to the first NUL, or all of them.
    pub fn string(&self) -> &'a [u8] {
        self.payload
            .split(|&byte| byte == 0)
            .next()
            .unwrap_or_default()
    }

    /// Returns the attributes within this one.
    pub fn nested(&self) -> RawAttrs<'a> {
        RawAttrs(self.payload)
    }
}

/// An iterator over attributes that follow one another.
///
/// As in C, it ends where what is left is no attribute.
#[derive(Clone, Debug)]
pub struct RawAttrs<'a>(pub &'a [u8]);

impl<'a> Iterator for RawAttrs<'a> {
    type Item = RawAttr<'a>;

    fn next(&mut self) -> Option<RawAttr<'a>> {
        let (&[l0, l1, t0, t1], _) = self.0.split_first_chunk::<HEADER>()?;
        let len = usize::from(u16::from_ne_bytes([l0, l1]));
        let kind = u16::from_ne_bytes([t0, t1]) & TYPE_MASK;
        // Nothing if the length is less than that of the header, or more than there is.
        let payload = self.0.get(HEADER..len)?;

        // The padding of the last one may be missing.
        let end = len.next_multiple_of(HEADER);
        self.0 = self.0.get(end..).unwrap_or_default();
        Some(RawAttr { kind, payload })
    }
}
