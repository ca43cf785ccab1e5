// SPDX-License-Identifier: GPL-2.0

//! Device numbers are encoded for user space as `new_encode_dev()` does.

use kernel::prelude::*;

#[kunit_tests(rb_dev_t)]
mod tests {
    use super::*;
    use rb::block::dev_t::DevT;

    #[test]
    fn encodings_are_those_of_c() -> Result {
        // Major, minor, and what `makedev(3)` and `stat(2)` make of them in 32 bits.
        for (major, minor, encoded) in [
            (0, 0, 0),
            (8, 16, 0x0810),
            (259, 255, 0x1_03ff),
            (4095, 256, 0x001f_ff00),
            (1, 0xf_ffff, 0xfff0_01ff),
        ] {
            let dev = DevT::new(major, minor)?;

            assert_eq!((dev.major(), dev.minor()), (major, minor));
            assert_eq!(dev.encode(), encoded);
            assert!(DevT::decode(encoded) == dev);
        }
        Ok(())
    }

    #[test]
    fn too_large_parts_are_refused() {
        assert!(DevT::new(4096, 0).is_err());
        assert!(DevT::new(0, 1 << 20).is_err());
        assert!(DevT::new(u32::MAX, u32::MAX).is_err());
    }
}
