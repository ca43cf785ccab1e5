// SPDX-License-Identifier: GPL-2.0

//! Files of text that are written as a whole.

use std::cell::RefCell;

/// What a file of text is written to.
#[derive(Default)]
pub struct SeqFile(RefCell<String>);

impl SeqFile {
    /// Appends text.
    pub fn call_printf(&self, text: core::fmt::Arguments<'_>) {
        self.0.borrow_mut().push_str(&text.to_string());
    }

    /// Returns the text.
    pub fn into_text(self) -> String {
        self.0.into_inner()
    }
}

/// As in the kernel: writes to a [`SeqFile`].
#[macro_export]
macro_rules! seq_print {
    ($file:expr, $($text:tt)+) => {
        $file.call_printf($crate::prelude::fmt!($($text)+))
    };
}
