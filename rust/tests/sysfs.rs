// SPDX-License-Identifier: GPL-2.0

//! What fits into an attribute is shown whole, and what does not is an error.

use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};
use rb::sysfs::{
    Output,
    Window, //
};

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

    /// Reads a list of `lines` lines by `size` bytes at a time; returns what is read.
    fn read_list(size: usize, lines: u32) -> Result<KVec<u8>> {
        let mut buffer = KVec::from_elem(0, size, GFP_KERNEL)?;
        let mut text = KVec::new();

        loop {
            let mut window = Window::new(&mut buffer, text.len() as u64);
            let result = (0..lines).try_for_each(|n| window.print(fmt!("line {n:04}\n")));
            let len = window.finish(result)?;
            if len == 0 {
                break;
            }
            text.extend_from_slice(buffer.get(..len).ok_or(EINVAL)?, GFP_KERNEL)?;
        }
        Ok(text)
    }

    /// Returns the numbers in a text of whole lines.
    fn numbers(text: &[u8]) -> Result<KVec<u32>> {
        let mut numbers = KVec::new();
        let text = core::str::from_utf8(text).map_err(|_| EINVAL)?;

        for line in text.strip_suffix('\n').ok_or(EINVAL)?.split('\n') {
            let digits = line.strip_prefix("line ").filter(|rest| rest.len() == 4);
            let number = digits.and_then(|digits| digits.parse().ok());
            numbers.push(number.ok_or(EINVAL)?, GFP_KERNEL)?;
        }
        Ok(numbers)
    }

    #[test]
    fn a_list_is_as_long_as_it_is() -> Result {
        // Read by bytes, a list is made anew for each of them.
        for (size, lines) in [
            (1, 20),
            (7, 200),
            (100, 200),
            (1000, 2000),
            (PAGE_SIZE, 2000),
        ] {
            let numbers = numbers(&read_list(size, lines)?)?;
            assert!(numbers.iter().copied().eq(0..lines));
        }
        assert!(read_list(PAGE_SIZE, 0)?.is_empty());
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
