// SPDX-License-Identifier: GPL-2.0

//! What a driver implements for each file.

use super::Output;
use crate::bindings;
use kernel::{
    error::{
        from_result,
        VTABLE_DEFAULT_ERROR, //
    },
    prelude::*, //
};

/// A file in sysfs that is about a `D`.
///
/// The type that implements this is only a name for the file; it is never made. The methods that
/// exist decide the mode: `show` alone is 0444, `store` alone is 0200, both are 0644.
///
/// Both methods run in process context and may sleep. They may run several at a time, for the
/// same file too. Removing the object that carries the file waits for them, so they must not
/// remove it, and must not wait for a lock that is held while it is removed.
///
/// See the [module](crate::sysfs) for an example.
#[vtable]
pub trait Attribute<D: ?Sized>: 'static {
    /// The name of the file.
    const NAME: &'static CStr;

    /// Writes the value. An error is what `read(2)` returns.
    fn show(_data: &D, _out: &mut Output<'_>) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }

    /// Takes a new value: the bytes of one `write(2)`, at most a page, as user space wrote them
    /// (mostly with a new line at the end). An error is what `write(2)` returns.
    fn store(_data: &D, _text: &[u8]) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// Returns the mode of the file `A`.
pub(crate) const fn mode<D: ?Sized, A: Attribute<D>>() -> bindings::umode_t {
    match (A::HAS_SHOW, A::HAS_STORE) {
        (true, true) => 0o644,
        (true, false) => 0o444,
        (false, true) => 0o200,
        (false, false) => panic!("an attribute needs `show` or `store`"),
    }
}

/// Shows `A` on a page of sysfs, and returns the number of bytes or a negative errno.
pub(crate) fn show<D: ?Sized, A: Attribute<D>>(data: &D, page: &mut [u8]) -> isize {
    from_result(|| {
        let mut out = Output::new(page);
        let result = A::show(data, &mut out);
        Ok(isize::try_from(out.finish(result)?)?)
    })
}

/// Stores `text` into `A`, and returns its length or a negative errno.
pub(crate) fn store<D: ?Sized, A: Attribute<D>>(data: &D, text: &[u8]) -> isize {
    from_result(|| {
        A::store(data, text)?;
        Ok(isize::try_from(text.len())?)
    })
}
