// SPDX-License-Identifier: GPL-2.0

//! The bindings agree with the C compiler about every structure whose fields we touch.
//!
//! `bindgen` parses with libclang, the kernel may be built with GCC, and layout tests of `bindgen`
//! are off; so this is the only place where a difference would show.

use kernel::prelude::*;
use rb::bindings;

/// A size or an offset: what it is of, what C says, what Rust says.
struct Fact {
    what: &'static str,
    c: usize,
    rust: usize,
}

/// Makes the facts about the sizes of structures.
macro_rules! sizes {
    ($($type:ident),+ $(,)?) => {{
        ::kernel::macros::paste! {
            extern "C" {
                $(static [<rb_sizeof_ $type>]: usize;)+
            }
            [$(Fact {
                what: stringify!($type),
                // SAFETY: It is a constant of `c_layout.c`.
                c: unsafe { [<rb_sizeof_ $type>] },
                rust: size_of::<bindings::$type>(),
            }),+]
        }
    }};
}

/// Makes the facts about the offsets of fields.
macro_rules! offsets {
    ($($type:ident.$field:ident),+ $(,)?) => {{
        ::kernel::macros::paste! {
            extern "C" {
                $(static [<rb_offsetof_ $type _ $field>]: usize;)+
            }
            [$(Fact {
                what: concat!(stringify!($type), ".", stringify!($field)),
                // SAFETY: It is a constant of `c_layout.c`.
                c: unsafe { [<rb_offsetof_ $type _ $field>] },
                rust: core::mem::offset_of!(bindings::$type, $field),
            }),+]
        }
    }};
}

/// Returns how many facts C and Rust disagree about, and logs each of them.
fn disagreements(facts: &[Fact]) -> usize {
    let wrong = facts.iter().filter(|fact| fact.c != fact.rust);
    wrong
        .inspect(|fact| pr_err!("{}: C {}, Rust {}\n", fact.what, fact.c, fact.rust))
        .count()
}

#[kunit_tests(rb_layout)]
mod tests {
    use super::*;

    #[test]
    fn sizes_agree() {
        let facts = sizes![
            attribute,
            attribute_group,
            bio,
            bio_set,
            bio_vec,
            blk_mq_ops,
            blk_mq_tag_set,
            block_device,
            block_device_operations,
            bvec_iter,
            class,
            class_attribute,
            device,
            device_attribute,
            file_operations,
            gendisk,
            genl_family,
            genl_multicast_group,
            genl_small_ops,
            kernel_param,
            mempool,
            miscdevice,
            queue_limits,
            request,
            request_queue,
            seq_file,
        ];
        assert_eq!(disagreements(&facts), 0);
    }

    #[test]
    fn offsets_agree() {
        let facts = offsets![
            attribute.mode,
            attribute_group.bin_attrs,
            bio.bi_bdev,
            bio.bi_end_io,
            bio.bi_io_vec,
            bio.bi_iter,
            bio.bi_next,
            bio.bi_opf,
            bio.bi_private,
            bio.bi_status,
            bio.bi_vcnt,
            bio_vec.bv_len,
            bio_vec.bv_offset,
            blk_mq_ops.queue_rq,
            blk_mq_ops.timeout,
            blk_mq_tag_set.driver_data,
            blk_mq_tag_set.queue_depth,
            block_device.bd_dev,
            block_device.bd_device,
            block_device.bd_disk,
            block_device.bd_nr_sectors,
            block_device_operations.owner,
            bvec_iter.bi_idx,
            bvec_iter.bi_sector,
            bvec_iter.bi_size,
            class_attribute.show,
            class_attribute.store,
            device.driver_data,
            device.kobj,
            file.private_data,
            file_operations.open,
            file_operations.unlocked_ioctl,
            gendisk.disk_name,
            gendisk.first_minor,
            gendisk.fops,
            gendisk.part0,
            gendisk.private_data,
            gendisk.queue,
            genl_multicast_group.name,
            genl_small_ops.cmd,
            genl_small_ops.doit,
            genl_small_ops.validate,
            inode.i_private,
            kernel_param.level,
            kernel_param.ops,
            kernel_param.perm,
            miscdevice.fops,
            miscdevice.mode,
            miscdevice.nodename,
            queue_limits.features,
            queue_limits.logical_block_size,
            request.__data_len,
            request.__sector,
            request.bio,
            request.cmd_flags,
            request_queue.elevator,
            request_queue.limits,
            request_queue.limits_lock,
            seq_file.private,
        ];
        assert_eq!(disagreements(&facts), 0);
    }
}
