// SPDX-License-Identifier: GPL-2.0

//! The bindings agree with the C compiler about every structure whose fields we touch;
//! `scripts/layout-gate.py` looks whether one is missing.
//!
//! `bindgen` parses with libclang, the kernel may be built with GCC, and layout tests of `bindgen`
//! are off; so this is the only place where a difference would show.
//!
//! A field that has another name in another kernel is not here: `bvec_iter`'s offset into an entry,
//! of which the walks in `bio.rs` know.

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
    ($($type:ident.$field:ident),+ $(,)?) => {
        renamed_offsets![$($type.$field: $field),+]
    };
}

/// The same for fields that have another name in the bindings, or are of a union without a name.
macro_rules! renamed_offsets {
    ($($type:ident.$field:ident: $name:ident),+ $(,)?) => {{
        ::kernel::macros::paste! {
            extern "C" {
                $(static [<rb_offsetof_ $type _ $field>]: usize;)+
            }
            [$(Fact {
                what: concat!(stringify!($type), ".", stringify!($field)),
                // SAFETY: It is a constant of `c_layout.c`.
                c: unsafe { [<rb_offsetof_ $type _ $field>] },
                rust: core::mem::offset_of!(bindings::$type, $name),
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
            bin_attribute,
            bio,
            bio_set,
            bio_vec,
            blk_holder_ops,
            blk_mq_hw_ctx,
            blk_mq_ops,
            blk_mq_queue_data,
            blk_mq_queue_map,
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
            kiocb,
            kobject,
            list_head,
            miscdevice,
            notifier_block,
            queue_limits,
            rcuwait,
            request,
            request_queue,
            scsi_sense_hdr,
            seq_file,
            tracepoint,
            xa_node,
            xa_state,
        ];
        assert_eq!(disagreements(&facts), 0);
    }

    #[test]
    fn offsets_agree() {
        let facts = offsets![
            attribute.mode,
            attribute.name,
            attribute_group.bin_attrs,
            attribute_group.name,
            bin_attribute.attr,
            bin_attribute.private,
            bin_attribute.read,
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
            bio_vec.bv_page,
            blk_holder_ops.mark_dead,
            blk_mq_hw_ctx.queue,
            blk_mq_hw_ctx.queue_num,
            blk_mq_ops.commit_rqs,
            blk_mq_ops.exit_request,
            blk_mq_ops.init_hctx,
            blk_mq_ops.init_request,
            blk_mq_ops.map_queues,
            blk_mq_ops.queue_rq,
            blk_mq_ops.timeout,
            blk_mq_queue_data.last,
            blk_mq_queue_data.rq,
            blk_mq_queue_map.nr_queues,
            blk_mq_queue_map.queue_offset,
            blk_mq_tag_set.cmd_size,
            blk_mq_tag_set.driver_data,
            blk_mq_tag_set.flags,
            blk_mq_tag_set.map,
            blk_mq_tag_set.nr_hw_queues,
            blk_mq_tag_set.nr_maps,
            blk_mq_tag_set.numa_node,
            blk_mq_tag_set.ops,
            blk_mq_tag_set.queue_depth,
            block_device.bd_dev,
            block_device.bd_device,
            block_device.bd_disk,
            block_device.bd_holder,
            block_device.bd_holder_lock,
            block_device.bd_mapping,
            block_device.bd_nr_sectors,
            block_device.bd_queue,
            block_device.bd_start_sect,
            block_device_operations.compat_ioctl,
            block_device_operations.devnode,
            block_device_operations.free_disk,
            block_device_operations.ioctl,
            block_device_operations.open,
            block_device_operations.owner,
            block_device_operations.release,
            block_device_operations.submit_bio,
            bvec_iter.bi_idx,
            bvec_iter.bi_sector,
            bvec_iter.bi_size,
            class.class_groups,
            class.name,
            class_attribute.attr,
            class_attribute.show,
            class_attribute.store,
            device.driver_data,
            device.kobj,
            device_attribute.attr,
            file.private_data,
            file_operations.compat_ioctl,
            file_operations.llseek,
            file_operations.open,
            file_operations.owner,
            file_operations.read,
            file_operations.release,
            file_operations.unlocked_ioctl,
            gendisk.disk_name,
            gendisk.diskseq,
            gendisk.first_minor,
            gendisk.flags,
            gendisk.fops,
            gendisk.major,
            gendisk.minors,
            gendisk.open_mutex,
            gendisk.part0,
            gendisk.private_data,
            gendisk.queue,
            genl_multicast_group.name,
            genl_small_ops.cmd,
            genl_small_ops.doit,
            genl_small_ops.validate,
            inode.i_private,
            kernel_param.level,
            kernel_param.name,
            kernel_param.ops,
            kernel_param.perm,
            kobject.name,
            miscdevice.fops,
            miscdevice.minor,
            miscdevice.mode,
            miscdevice.name,
            miscdevice.nodename,
            notifier_block.notifier_call,
            queue_limits.chunk_sectors,
            queue_limits.discard_alignment,
            queue_limits.discard_granularity,
            queue_limits.dma_alignment,
            queue_limits.features,
            queue_limits.io_min,
            queue_limits.io_opt,
            queue_limits.logical_block_size,
            queue_limits.max_discard_sectors,
            queue_limits.max_hw_discard_sectors,
            queue_limits.max_hw_sectors,
            queue_limits.max_hw_wzeroes_unmap_sectors,
            queue_limits.max_sectors,
            queue_limits.max_segment_size,
            queue_limits.max_segments,
            queue_limits.max_write_zeroes_sectors,
            queue_limits.physical_block_size,
            rcuwait.task,
            request.__data_len,
            request.__sector,
            request.bio,
            request.cmd_flags,
            request.mq_hctx,
            request.q,
            request.tag,
            request_queue.async_depth,
            request_queue.disk,
            request_queue.elevator,
            request_queue.limits,
            request_queue.limits_lock,
            request_queue.mq_ops,
            request_queue.nr_requests,
            request_queue.tag_set,
            scsi_sense_hdr.additional_length,
            scsi_sense_hdr.asc,
            scsi_sense_hdr.ascq,
            scsi_sense_hdr.response_code,
            scsi_sense_hdr.sense_key,
            seq_file.private,
            tracepoint.key,
            xa_node.shift,
            xa_node.slots,
            xa_state.xa,
            xa_state.xa_alloc,
            xa_state.xa_index,
            xa_state.xa_lru,
            xa_state.xa_node,
            xa_state.xa_offset,
            xa_state.xa_pad,
            xa_state.xa_shift,
            xa_state.xa_sibs,
            xa_state.xa_update,
        ];
        assert_eq!(disagreements(&facts), 0);
    }

    #[test]
    fn renamed_offsets_agree() {
        let facts = renamed_offsets![
            attribute_group.attrs: __bindgen_anon_2,
            device_attribute.show: __bindgen_anon_1,
            device_attribute.store: __bindgen_anon_2,
            kernel_param.arg: __bindgen_anon_1,
            kernel_param.mod: mod_,
        ];
        assert_eq!(disagreements(&facts), 0);
    }
}
