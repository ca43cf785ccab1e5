// SPDX-License-Identifier: GPL-2.0

//! Tracepoints: here they do nothing but take their arguments.

/// As in the layer.
#[macro_export]
macro_rules! tracepoints {
    ($($(#[$attr:meta])* $pub:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?);)*) => {$(
        $(#[$attr])*
        $pub fn $name($($arg: $type),*) {
            $(let _unused = $arg;)*
        }
    )*};
}
