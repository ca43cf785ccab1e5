// SPDX-License-Identifier: GPL-2.0

//! `impl_flags!`.

/// As in the kernel: makes a type of one flag, and one of many.
#[macro_export]
macro_rules! impl_flags {
    (
        $(#[$many_attr:meta])*
        $many_vis:vis struct $many:ident($raw:ty);

        $(#[$one_attr:meta])*
        $one_vis:vis enum $one:ident {
            $($(#[$attr:meta])* $name:ident = $value:expr),+ $(,)?
        }
    ) => {
        $(#[$many_attr])*
        $many_vis struct $many($raw);

        $(#[$one_attr])*
        #[repr($raw)]
        $one_vis enum $one {
            $($(#[$attr])* $name = $value),+
        }

        #[allow(dead_code, missing_docs, reason = "as in the kernel")]
        impl $many {
            pub const fn empty() -> Self {
                Self(0)
            }

            pub const fn all_bits() -> $raw {
                0 $(| $value)+
            }

            pub fn contains(self, flag: $one) -> bool {
                let flag = flag as $raw;
                self.0 & flag == flag
            }
        }

        impl From<$one> for $many {
            fn from(flag: $one) -> Self {
                Self(flag as $raw)
            }
        }

        impl From<$many> for $raw {
            fn from(flags: $many) -> Self {
                flags.0
            }
        }

        impl<T: Into<$many>> core::ops::BitOr<T> for $many {
            type Output = Self;
            fn bitor(self, other: T) -> Self {
                Self(self.0 | other.into().0)
            }
        }

        impl<T: Into<$many>> core::ops::BitOrAssign<T> for $many {
            fn bitor_assign(&mut self, other: T) {
                self.0 |= other.into().0;
            }
        }

        impl<T: Into<$many>> core::ops::BitAnd<T> for $many {
            type Output = Self;
            fn bitand(self, other: T) -> Self {
                Self(self.0 & other.into().0)
            }
        }

        impl<T: Into<$many>> core::ops::BitOr<T> for $one {
            type Output = $many;
            fn bitor(self, other: T) -> $many {
                $many::from(self) | other
            }
        }

        impl core::ops::Not for $many {
            type Output = Self;
            fn not(self) -> Self {
                Self(!self.0 & Self::all_bits())
            }
        }

        impl core::ops::Not for $one {
            type Output = $many;
            fn not(self) -> $many {
                !$many::from(self)
            }
        }
    };
}
