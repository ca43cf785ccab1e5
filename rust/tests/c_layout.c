// SPDX-License-Identifier: GPL-2.0
/*
 * What the C compiler says about the structures that the safe layer touches.
 * The same lists are in layout.rs, which compares them with the bindings.
 */

#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/rcuwait.h>
#include <linux/seq_file.h>
#include <linux/sysfs.h>
#include <linux/tracepoint-defs.h>
#include <linux/types.h>
#include <linux/xarray.h>
#include <net/genetlink.h>
#include <scsi/scsi_common.h>

#define SIZE(type) \
	const size_t rb_sizeof_##type = sizeof(struct type)

#define OFFSET(type, field) \
	const size_t rb_offsetof_##type##_##field = \
		offsetof(struct type, field)

SIZE(attribute);
SIZE(attribute_group);
SIZE(bin_attribute);
SIZE(bio);
SIZE(bio_set);
SIZE(bio_vec);
SIZE(blk_holder_ops);
SIZE(blk_mq_hw_ctx);
SIZE(blk_mq_ops);
SIZE(blk_mq_queue_data);
SIZE(blk_mq_queue_map);
SIZE(blk_mq_tag_set);
SIZE(block_device);
SIZE(block_device_operations);
SIZE(bvec_iter);
SIZE(class);
SIZE(class_attribute);
SIZE(device);
SIZE(device_attribute);
SIZE(file_operations);
SIZE(gendisk);
SIZE(genl_family);
SIZE(genl_multicast_group);
SIZE(genl_small_ops);
SIZE(kernel_param);
SIZE(kiocb);
SIZE(kobject);
SIZE(list_head);
SIZE(miscdevice);
SIZE(notifier_block);
SIZE(queue_limits);
SIZE(rcuwait);
SIZE(request);
SIZE(request_queue);
SIZE(scsi_sense_hdr);
SIZE(seq_file);
SIZE(tracepoint);
SIZE(xa_node);
SIZE(xa_state);

OFFSET(attribute, mode);
OFFSET(attribute, name);
OFFSET(attribute_group, attrs);
OFFSET(attribute_group, bin_attrs);
OFFSET(attribute_group, name);
OFFSET(bin_attribute, attr);
OFFSET(bin_attribute, private);
OFFSET(bin_attribute, read);
OFFSET(bio, bi_bdev);
OFFSET(bio, bi_end_io);
OFFSET(bio, bi_io_vec);
OFFSET(bio, bi_iter);
OFFSET(bio, bi_next);
OFFSET(bio, bi_opf);
OFFSET(bio, bi_private);
OFFSET(bio, bi_status);
OFFSET(bio, bi_vcnt);
OFFSET(bio_vec, bv_len);
OFFSET(bio_vec, bv_offset);
OFFSET(bio_vec, bv_page);
OFFSET(blk_holder_ops, mark_dead);
OFFSET(blk_mq_hw_ctx, queue);
OFFSET(blk_mq_hw_ctx, queue_num);
OFFSET(blk_mq_ops, commit_rqs);
OFFSET(blk_mq_ops, exit_request);
OFFSET(blk_mq_ops, init_hctx);
OFFSET(blk_mq_ops, init_request);
OFFSET(blk_mq_ops, map_queues);
OFFSET(blk_mq_ops, queue_rq);
OFFSET(blk_mq_ops, timeout);
OFFSET(blk_mq_queue_data, last);
OFFSET(blk_mq_queue_data, rq);
OFFSET(blk_mq_queue_map, nr_queues);
OFFSET(blk_mq_queue_map, queue_offset);
OFFSET(blk_mq_tag_set, cmd_size);
OFFSET(blk_mq_tag_set, driver_data);
OFFSET(blk_mq_tag_set, flags);
OFFSET(blk_mq_tag_set, map);
OFFSET(blk_mq_tag_set, nr_hw_queues);
OFFSET(blk_mq_tag_set, nr_maps);
OFFSET(blk_mq_tag_set, numa_node);
OFFSET(blk_mq_tag_set, ops);
OFFSET(blk_mq_tag_set, queue_depth);
OFFSET(block_device, bd_dev);
OFFSET(block_device, bd_device);
OFFSET(block_device, bd_disk);
OFFSET(block_device, bd_holder);
OFFSET(block_device, bd_holder_lock);
OFFSET(block_device, bd_mapping);
OFFSET(block_device, bd_nr_sectors);
OFFSET(block_device, bd_queue);
OFFSET(block_device, bd_start_sect);
OFFSET(block_device_operations, compat_ioctl);
OFFSET(block_device_operations, devnode);
OFFSET(block_device_operations, free_disk);
OFFSET(block_device_operations, ioctl);
OFFSET(block_device_operations, open);
OFFSET(block_device_operations, owner);
OFFSET(block_device_operations, release);
OFFSET(block_device_operations, submit_bio);
OFFSET(bvec_iter, bi_idx);
OFFSET(bvec_iter, bi_sector);
OFFSET(bvec_iter, bi_size);
OFFSET(class, class_groups);
OFFSET(class, name);
OFFSET(class_attribute, attr);
OFFSET(class_attribute, show);
OFFSET(class_attribute, store);
OFFSET(device, driver_data);
OFFSET(device, kobj);
OFFSET(device_attribute, attr);
OFFSET(device_attribute, show);
OFFSET(device_attribute, store);
OFFSET(file, private_data);
OFFSET(file_operations, compat_ioctl);
OFFSET(file_operations, llseek);
OFFSET(file_operations, open);
OFFSET(file_operations, owner);
OFFSET(file_operations, read);
OFFSET(file_operations, release);
OFFSET(file_operations, unlocked_ioctl);
OFFSET(gendisk, disk_name);
OFFSET(gendisk, diskseq);
OFFSET(gendisk, first_minor);
OFFSET(gendisk, flags);
OFFSET(gendisk, fops);
OFFSET(gendisk, major);
OFFSET(gendisk, minors);
OFFSET(gendisk, open_mutex);
OFFSET(gendisk, part0);
OFFSET(gendisk, private_data);
OFFSET(gendisk, queue);
OFFSET(genl_multicast_group, name);
OFFSET(genl_small_ops, cmd);
OFFSET(genl_small_ops, doit);
OFFSET(genl_small_ops, validate);
OFFSET(inode, i_private);
OFFSET(kernel_param, arg);
OFFSET(kernel_param, level);
OFFSET(kernel_param, mod);
OFFSET(kernel_param, name);
OFFSET(kernel_param, ops);
OFFSET(kernel_param, perm);
OFFSET(kobject, name);
OFFSET(miscdevice, fops);
OFFSET(miscdevice, minor);
OFFSET(miscdevice, mode);
OFFSET(miscdevice, name);
OFFSET(miscdevice, nodename);
OFFSET(notifier_block, notifier_call);
OFFSET(queue_limits, chunk_sectors);
OFFSET(queue_limits, discard_alignment);
OFFSET(queue_limits, discard_granularity);
OFFSET(queue_limits, dma_alignment);
OFFSET(queue_limits, features);
OFFSET(queue_limits, io_min);
OFFSET(queue_limits, io_opt);
OFFSET(queue_limits, logical_block_size);
OFFSET(queue_limits, max_discard_sectors);
OFFSET(queue_limits, max_hw_discard_sectors);
OFFSET(queue_limits, max_hw_sectors);
OFFSET(queue_limits, max_hw_wzeroes_unmap_sectors);
OFFSET(queue_limits, max_sectors);
OFFSET(queue_limits, max_segment_size);
OFFSET(queue_limits, max_segments);
OFFSET(queue_limits, max_write_zeroes_sectors);
OFFSET(queue_limits, physical_block_size);
OFFSET(rcuwait, task);
OFFSET(request, __data_len);
OFFSET(request, __sector);
OFFSET(request, bio);
OFFSET(request, cmd_flags);
OFFSET(request, mq_hctx);
OFFSET(request, q);
OFFSET(request, tag);
OFFSET(request_queue, async_depth);
OFFSET(request_queue, disk);
OFFSET(request_queue, elevator);
OFFSET(request_queue, limits);
OFFSET(request_queue, limits_lock);
OFFSET(request_queue, mq_ops);
OFFSET(request_queue, nr_requests);
OFFSET(request_queue, tag_set);
OFFSET(scsi_sense_hdr, additional_length);
OFFSET(scsi_sense_hdr, asc);
OFFSET(scsi_sense_hdr, ascq);
OFFSET(scsi_sense_hdr, response_code);
OFFSET(scsi_sense_hdr, sense_key);
OFFSET(seq_file, private);
OFFSET(tracepoint, key);
OFFSET(xa_node, shift);
OFFSET(xa_node, slots);
OFFSET(xa_state, xa);
OFFSET(xa_state, xa_alloc);
OFFSET(xa_state, xa_index);
OFFSET(xa_state, xa_lru);
OFFSET(xa_state, xa_node);
OFFSET(xa_state, xa_offset);
OFFSET(xa_state, xa_pad);
OFFSET(xa_state, xa_shift);
OFFSET(xa_state, xa_sibs);
OFFSET(xa_state, xa_update);
