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
#include <linux/mempool.h>
#include <linux/miscdevice.h>
#include <linux/moduleparam.h>
#include <linux/seq_file.h>
#include <linux/sysfs.h>
#include <linux/types.h>
#include <net/genetlink.h>

#define SIZE(type) \
	const size_t rb_sizeof_##type = sizeof(struct type)

#define OFFSET(type, field) \
	const size_t rb_offsetof_##type##_##field = \
		offsetof(struct type, field)

SIZE(attribute);
SIZE(attribute_group);
SIZE(bio);
SIZE(bio_set);
SIZE(bio_vec);
SIZE(blk_mq_ops);
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
SIZE(mempool);
SIZE(miscdevice);
SIZE(queue_limits);
SIZE(request);
SIZE(request_queue);
SIZE(seq_file);

OFFSET(attribute, mode);
OFFSET(attribute_group, bin_attrs);
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
OFFSET(blk_mq_ops, queue_rq);
OFFSET(blk_mq_ops, timeout);
OFFSET(blk_mq_tag_set, driver_data);
OFFSET(blk_mq_tag_set, queue_depth);
OFFSET(block_device, bd_dev);
OFFSET(block_device, bd_device);
OFFSET(block_device, bd_disk);
OFFSET(block_device, bd_nr_sectors);
OFFSET(block_device_operations, owner);
OFFSET(bvec_iter, bi_idx);
OFFSET(bvec_iter, bi_sector);
OFFSET(bvec_iter, bi_size);
OFFSET(class_attribute, show);
OFFSET(class_attribute, store);
OFFSET(device, driver_data);
OFFSET(device, kobj);
OFFSET(file, private_data);
OFFSET(file_operations, open);
OFFSET(file_operations, unlocked_ioctl);
OFFSET(gendisk, disk_name);
OFFSET(gendisk, first_minor);
OFFSET(gendisk, fops);
OFFSET(gendisk, part0);
OFFSET(gendisk, private_data);
OFFSET(gendisk, queue);
OFFSET(genl_multicast_group, name);
OFFSET(genl_small_ops, cmd);
OFFSET(genl_small_ops, doit);
OFFSET(genl_small_ops, validate);
OFFSET(inode, i_private);
OFFSET(kernel_param, level);
OFFSET(kernel_param, ops);
OFFSET(kernel_param, perm);
OFFSET(miscdevice, fops);
OFFSET(miscdevice, mode);
OFFSET(miscdevice, nodename);
OFFSET(queue_limits, features);
OFFSET(queue_limits, logical_block_size);
OFFSET(request, __data_len);
OFFSET(request, __sector);
OFFSET(request, bio);
OFFSET(request, cmd_flags);
OFFSET(request_queue, elevator);
OFFSET(request_queue, limits);
OFFSET(request_queue, limits_lock);
OFFSET(seq_file, private);
