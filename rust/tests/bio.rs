// SPDX-License-Identifier: GPL-2.0

//! Segments are those of `bio_for_each_segment()`, and data that goes through a [`PageBio`] comes
//! out as it went in.

use core::ptr::{
    self,
    NonNull, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use rb::{
    bindings,
    block::{
        bio::{
            Bio,
            BioIter,
            Command,
            Flags, //
        },
        page_bio::{
            Completion,
            PageBio, //
        },
    },
    mm::Gfp,
    page::{
        PageRef,
        UninitPage, //
    },
};

extern "C" {
    // Bios are opaque here; `struct bio` of the bindings leads to structures without fields.
    fn rb_test_bio_shapes() -> c_uint;
    fn rb_test_bio_alloc(shape: c_uint, seed: u8) -> *mut c_void;
    fn rb_test_bio_free(bio: *mut c_void);
    fn rb_test_bio_chain(bio: *mut c_void, next: *mut c_void);
    fn rb_test_bio_segment(
        bio: *mut c_void,
        index: c_uint,
        offset: *mut c_uint,
        len: *mut c_uint,
    ) -> bool;
    fn rb_test_bio_equal(a: *mut c_void, b: *mut c_void) -> bool;
}

/// A bio that C has made.
///
/// # Invariants
///
/// The pointer is a valid bio of `rb_test_bio_alloc()` that is freed only here.
pub(crate) struct TestBio(NonNull<bindings::bio>);

impl TestBio {
    pub(crate) fn new(shape: u32, seed: u8) -> Result<Self> {
        // SAFETY: The caller counts shapes with `shapes()`.
        let bio = unsafe { rb_test_bio_alloc(shape, seed) }.cast();
        // INVARIANT: C has made it.
        Ok(Self(NonNull::new(bio).ok_or(ENOMEM)?))
    }

    pub(crate) fn shapes() -> u32 {
        // SAFETY: FFI call without preconditions.
        unsafe { rb_test_bio_shapes() }
    }

    fn as_raw(&self) -> *mut c_void {
        self.0.as_ptr().cast()
    }

    fn bio(&self) -> &Bio {
        // SAFETY: By the type invariant, the bio is valid, and nothing changes it.
        unsafe { Bio::from_raw(self.0) }
    }

    /// Returns offset and length of a segment, as C sees it.
    fn segment(&self, index: u32) -> Option<(u32, u32)> {
        let (mut offset, mut len) = (0, 0);
        // SAFETY: By the type invariant, the bio is valid; so are the references.
        unsafe { rb_test_bio_segment(self.as_raw(), index, &mut offset, &mut len) }
            .then_some((offset, len))
    }

    pub(crate) fn equals(&self, other: &Self) -> bool {
        // SAFETY: By the type invariant, both bios are valid.
        unsafe { rb_test_bio_equal(self.as_raw(), other.as_raw()) }
    }
}

/// Several bios, one after the other as in a request: two of each shape, with some 20 vectors.
pub(crate) struct TestChain(KVec<TestBio>);

impl TestChain {
    pub(crate) fn new(seed: u8) -> Result<Self> {
        let mut bios = KVec::<TestBio>::new();
        for _ in 0..2 {
            for shape in 0..TestBio::shapes() {
                let bio = TestBio::new(shape, seed)?;
                if let Some(last) = bios.last() {
                    // SAFETY: By the type invariant, both bios are valid, and live as long.
                    unsafe { rb_test_bio_chain(last.as_raw(), bio.as_raw()) };
                }
                bios.push(bio, GFP_KERNEL)?;
            }
        }
        Ok(Self(bios))
    }

    pub(crate) fn bios(&self) -> BioIter<'_> {
        let head = self.0.first().map_or(ptr::null_mut(), |bio| bio.0.as_ptr());
        // SAFETY: The bios are valid as long as `self` is.
        unsafe { BioIter::from_raw(head) }
    }

    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a.equals(b))
    }
}

impl Drop for TestBio {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, the bio is ours to free.
        unsafe { rb_test_bio_free(self.as_raw()) };
    }
}

struct Nobody;

impl Completion for Nobody {
    fn completed(&self) {}
}

fn first_page(bio: &Bio) -> Result<PageRef<'_>> {
    let segment = bio.source().and_then(|mut segments| segments.next());
    segment.map(|segment| segment.page()).ok_or(EINVAL)
}

fn page_bio(bytes: usize) -> Result<Arc<PageBio<Nobody>>> {
    Arc::pin_init(PageBio::new(bytes, Nobody), GFP_KERNEL)
}

#[kunit_tests(rb_bio)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_those_of_c() -> Result {
        for shape in 0..TestBio::shapes() {
            let bio = TestBio::new(shape, 1)?;
            let mut index = 0;

            for segment in bio.bio().source().ok_or(EINVAL)? {
                let found = (segment.offset() as u32, segment.len() as u32);
                assert_eq!(bio.segment(index), Some(found));
                index += 1;
            }
            assert_eq!(bio.segment(index), None);
        }
        Ok(())
    }

    #[test]
    fn segments_come_in_parts() -> Result {
        for shape in 0..TestBio::shapes() {
            for limit in [512, 700, 4096] {
                let bio = TestBio::new(shape, 1)?;
                let mut segments = bio.bio().source().ok_or(EINVAL)?;
                let mut index = 0;

                while let Some((mut offset, mut len)) = bio.segment(index) {
                    while len > 0 {
                        let part = segments.next_up_to(limit as usize).ok_or(EINVAL)?;
                        assert_eq!(part.offset() as u32, offset);
                        assert_eq!(part.len() as u32, len.min(limit));
                        offset += part.len() as u32;
                        len -= part.len() as u32;
                    }
                    index += 1;
                }
                assert!(segments.next().is_none());
            }
        }
        Ok(())
    }

    #[test]
    fn data_goes_through_pages() -> Result {
        for shape in 0..TestBio::shapes() {
            // From the start of a page, from its middle, and close to its end.
            for offset in [0, 2048, 3584] {
                let from = TestBio::new(shape, 7)?;
                let to = TestBio::new(shape, 0)?;
                let pages = page_bio(offset + from.bio().bytes() as usize)?;

                assert!(!from.equals(&to));
                pages.copy_from_bio(from.bio(), offset)?;
                pages.copy_to_bio(to.bio(), offset)?;
                assert!(from.equals(&to));
            }
        }
        Ok(())
    }

    #[test]
    fn copies_end_with_the_pages() -> Result {
        let pages = page_bio(4096)?;
        let bio = TestBio::new(0, 1)?;

        assert_eq!(pages.copy_from_bio(bio.bio(), 512), Err(EINVAL));
        assert_eq!(pages.copy_to_bio(bio.bio(), 4096), Err(EINVAL));
        Ok(())
    }

    #[test]
    fn data_goes_one_way_only() -> Result {
        let pages = page_bio(4 * 4096)?;
        let (write, read) = (TestBio::new(0, 7)?, TestBio::new(0, 0)?);
        let (as_it_was, zeroes) = (TestBio::new(0, 7)?, TestBio::new(0, 0)?);

        assert_eq!(pages.copy_to_bio(write.bio(), 0), Err(EINVAL));
        assert!(write.equals(&as_it_was));
        assert!(write.bio().destination().is_none());
        assert_eq!(pages.copy_from_bio(read.bio(), 0), Err(EINVAL));
        assert!(read.equals(&zeroes));
        assert!(read.bio().source().is_none());
        Ok(())
    }

    #[test]
    fn parts_of_nothing_end() -> Result {
        let bio = TestBio::new(0, 1)?;
        let segments = bio.bio().source().ok_or(EINVAL)?;
        let mut limited = segments;
        let mut bytes = 0;

        for _ in 0..=bio.bio().bytes() {
            let Some(part) = limited.next_up_to(0) else {
                break;
            };
            bytes += part.len();
        }
        assert_eq!(bytes, bio.bio().bytes() as usize);
        Ok(())
    }

    #[test]
    fn copies_within_a_page_may_overlap() -> Result {
        // Bytes that differ from each of their neighbours.
        let write = TestBio::new(0, 7)?;
        let (there, back) = (page_bio(4096)?, TestBio::new(0, 0)?);
        there.copy_from_bio(write.bio(), 0)?;
        let page = there.page(0).ok_or(EINVAL)?;

        page.destination().copy_from(8, page.source(), 0, 4088)?;
        page.destination().copy_from(0, page.source(), 8, 4088)?;
        // The last eight bytes were lost.
        page.destination()
            .copy_from(4088, first_page(write.bio())?, 4088, 8)?;
        there.copy_to_bio(back.bio(), 0)?;
        assert!(back.equals(&write));
        page.destination().copy_from(0, page.source(), 0, 4096)?;
        Ok(())
    }

    #[test]
    fn pages_are_filled_or_freed() -> Result {
        let write = TestBio::new(0, 7)?;
        let from = first_page(write.bio())?;

        for (offset, at, len) in [(0, 1, 4096), (4096, 0, 1), (1, 0, 4096), (0, 4096, 1)] {
            let page = UninitPage::alloc(Gfp::KERNEL)?;
            assert_eq!(page.fill_from(offset, from, at, len).err(), Some(EINVAL));
        }
        let page = UninitPage::alloc(Gfp::KERNEL)?.fill_from(8, from, 16, 32)?;
        let (pages, expected) = (page_bio(2 * 4096)?, page_bio(4096)?);
        expected
            .page(0)
            .ok_or(EINVAL)?
            .destination()
            .copy_from(8, from, 16, 32)?;
        pages
            .page(0)
            .ok_or(EINVAL)?
            .destination()
            .copy_from(0, page.page().source(), 0, 4096)?;
        let (is, should) = (TestBio::new(0, 0)?, TestBio::new(0, 0)?);
        pages.copy_to_bio(is.bio(), 0)?;
        expected.copy_to_bio(should.bio(), 0)?;
        assert!(is.equals(&should));
        Ok(())
    }

    #[test]
    fn commands_and_flags_are_read() -> Result {
        let bio = TestBio::new(0, 1)?;

        assert_eq!(bio.bio().command(), Command::Write);
        assert_eq!(bio.bio().flags(), Flags::empty());
        Ok(())
    }
}
