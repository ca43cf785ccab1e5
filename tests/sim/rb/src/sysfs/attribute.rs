// SPDX-License-Identifier: GPL-2.0

use super::Output;
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

/// A file in sysfs that is about a `D`.
#[vtable]
pub trait Attribute<D: ?Sized>: 'static {
    /// The name of the file.
    const NAME: &'static CStr;

    /// Writes the value.
    fn show(_data: &D, _out: &mut Output<'_>) -> Result {
        build_error!()
    }

    /// Takes a new value.
    fn store(_data: &D, _text: &[u8]) -> Result {
        build_error!()
    }
}

/// Shows a file.
pub(crate) fn show<D: ?Sized>(
    data: &D,
    show: fn(&D, &mut Output<'_>) -> Result,
) -> Result<Vec<u8>> {
    let mut page = vec![0; PAGE_SIZE];
    let mut out = Output::new(&mut page);
    let result = show(data, &mut out);
    let len = out.finish(result)?;
    page.truncate(len);
    Ok(page)
}

/// Writes to a file.
pub(crate) fn store<D: ?Sized>(data: &D, store: fn(&D, &[u8]) -> Result, text: &[u8]) -> Result {
    store(data, text)
}
