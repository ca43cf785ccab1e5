// SPDX-License-Identifier: GPL-2.0

//! Limits that the block core would refuse, warn about or change are refused before.

use kernel::prelude::*;

#[kunit_tests(rb_limits)]
mod tests {
    use super::*;
    use rb::block::limits::{
        Feature,
        QueueLimits, //
    };

    fn with(change: impl FnOnce(&mut QueueLimits)) -> Result {
        let mut limits = QueueLimits::default();
        change(&mut limits);
        limits.validate()
    }

    #[test]
    fn defaults_and_blocks_up_to_a_page_pass() {
        assert!(with(|_| {}).is_ok());
        for size in [512, 1024, 2048, 4096] {
            assert!(with(|limits| limits.logical_block_size = size).is_ok());
        }
    }

    #[test]
    fn impossible_blocks_are_refused() {
        for size in [1, 256, 511, 513, 1000, 3072, 128 << 10, u32::MAX] {
            assert_eq!(with(|limits| limits.logical_block_size = size), Err(EINVAL));
        }
        assert_eq!(
            with(|limits| limits.physical_block_size = 3072),
            Err(EINVAL)
        );
        let physical_below_logical = |limits: &mut QueueLimits| {
            limits.logical_block_size = 4096;
            limits.physical_block_size = 512;
        };
        assert_eq!(with(physical_below_logical), Err(EINVAL));
    }

    #[test]
    fn impossible_sizes_are_refused() {
        for sectors in [1, 7] {
            assert_eq!(with(|limits| limits.max_hw_sectors = sectors), Err(EINVAL));
        }
        assert_eq!(with(|limits| limits.max_segment_size = 4095), Err(EINVAL));
        assert!(with(|limits| limits.max_segment_size = 4096).is_ok());
        for mask in [510, 512, 4096, u32::MAX] {
            assert_eq!(with(|limits| limits.dma_alignment = mask), Err(EINVAL));
        }
        let unaligned_chunk = |limits: &mut QueueLimits| {
            limits.logical_block_size = 2048;
            limits.chunk_sectors = 6;
        };
        assert_eq!(with(unaligned_chunk), Err(EINVAL));
    }

    #[test]
    fn features_need_what_they_are_about() {
        let fua = |limits: &mut QueueLimits| limits.features = Feature::ForcedUnitAccess.into();
        assert_eq!(with(fua), Err(EINVAL));
        assert_eq!(with(|limits| limits.write_zeroes_unmap = true), Err(EINVAL));
    }
}
