// SPDX-License-Identifier: GPL-2.0

//! What fits into an attribute is shown whole, and what does not is an error.

use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};
use rb::sysfs::Output;

/// Writes of so many bytes, one after the other, and what comes out.
struct Case {
    page: usize,
    writes: &'static [usize],
    expected: Result<usize>,
}

const CASES: &[Case] = &[
    Case {
        page: PAGE_SIZE,
        writes: &[],
        expected: Ok(0),
    },
    Case {
        page: PAGE_SIZE,
        writes: &[1, 0, 10],
        expected: Ok(11),
    },
    Case {
        page: PAGE_SIZE,
        writes: &[PAGE_SIZE - 1],
        expected: Ok(PAGE_SIZE - 1),
    },
    Case {
        page: PAGE_SIZE,
        writes: &[PAGE_SIZE],
        expected: Err(EOVERFLOW),
    },
    // The first failure counts, even if there is room for what comes after.
    Case {
        page: PAGE_SIZE,
        writes: &[PAGE_SIZE - 2, 2, 1],
        expected: Err(EOVERFLOW),
    },
    Case {
        page: 4,
        writes: &[2, 2],
        expected: Ok(4),
    },
    Case {
        page: 0,
        writes: &[1],
        expected: Err(EOVERFLOW),
    },
];

#[kunit_tests(rb_sysfs)]
mod tests {
    use super::*;

    #[test]
    fn output_is_bounded() -> Result {
        let bytes = KVec::from_elem(b'x', PAGE_SIZE, GFP_KERNEL)?;
        for case in CASES {
            let mut page = KVec::from_elem(0, PAGE_SIZE + 1, GFP_KERNEL)?;
            let mut out = Output::new(page.get_mut(..case.page).ok_or(EINVAL)?);
            for &len in case.writes {
                // The result is ignored on purpose: the end must tell.
                let _ = out.write_bytes(bytes.get(..len).ok_or(EINVAL)?);
            }
            assert_eq!(out.finish(Ok(())), case.expected);
            assert!(page
                .get(case.page..)
                .is_some_and(|rest| rest.iter().all(|&b| b == 0)));
        }
        Ok(())
    }

    #[test]
    fn output_is_text() -> Result {
        let mut page = KVec::from_elem(0, PAGE_SIZE, GFP_KERNEL)?;
        let mut out = Output::new(&mut page);
        out.line(42)?;
        out.print(fmt!("{}:{}\n", 8, "x"))?;
        assert_eq!(out.finish(Ok(()))?, 7);
        assert!(page.starts_with(b"42\n8:x\n\0"));
        Ok(())
    }

    #[test]
    fn the_error_of_the_writer_is_kept() {
        let mut page = [0; 8];
        let mut out = Output::new(&mut page);
        assert!(out.line(1).is_ok());
        assert_eq!(out.finish(Err(ENODEV)), Err(ENODEV));
    }
}
