// SPDX-License-Identifier: GPL-2.0

//! Spare areas.

use crate::units;

/// How large the spare areas are to be by which a drive replaces bad blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Spare {
    /// As the drive has it.
    #[default]
    Default,
    /// There are none.
    None,
    /// That many blocks, or what the drive has that is next to it.
    Blocks(u32),
}

impl Spare {
    /// Reads the size of spare areas.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "default" => Ok(Self::Default),
            "none" => Ok(Self::None),
            size => {
                let blocks = units::parse_size(size)
                    .map_err(|err| format!("{err}; or none, or default"))?
                    .div_ceil(2048);
                let blocks = u32::try_from(blocks).map_err(|_| "this number is too large")?;
                Ok(Self::Blocks(blocks))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spare_areas() {
        assert_eq!(Spare::parse("none"), Ok(Spare::None));
        assert_eq!(Spare::parse("default"), Ok(Spare::Default));
        assert_eq!(Spare::parse("256M"), Ok(Spare::Blocks(131072)));
        assert!(Spare::parse("some").is_err() && Spare::parse("9999T").is_err());
    }
}
