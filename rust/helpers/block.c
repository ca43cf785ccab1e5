// SPDX-License-Identifier: GPL-2.0

#include <linux/bitmap.h>
#include <linux/blk-integrity.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/lockdep.h>
#include <linux/percpu-refcount.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

__rb_helper struct request_queue *rb_helper_bdev_get_queue(struct block_device *bdev)
{
	return bdev_get_queue(bdev);
}

__rb_helper bool rb_helper_bdev_is_zoned(struct block_device *bdev)
{
	return bdev_is_zoned(bdev);
}

__rb_helper bool rb_helper_bdev_read_only(struct block_device *bdev)
{
	return bdev_read_only(bdev);
}

/* What blkdev_ioctl() does with what it does not know itself. */
__rb_helper int rb_helper_bdev_ioctl(struct block_device *bdev, blk_mode_t mode,
				     unsigned int cmd, unsigned long arg,
				     bool compat)
{
	const struct block_device_operations *fops = bdev->bd_disk->fops;

	if (compat) {
#ifdef CONFIG_COMPAT
		if (fops->compat_ioctl)
			return fops->compat_ioctl(bdev, mode, cmd, arg);
#endif
		return -ENOTTY;
	}
	return fops->ioctl ? fops->ioctl(bdev, mode, cmd, arg) : -ENOTTY;
}

__rb_helper struct kobject *rb_helper_bdev_kobj(struct block_device *bdev)
{
	return bdev_kobj(bdev);
}

__rb_helper struct gendisk *rb_helper_dev_to_disk(struct device *dev)
{
	return dev_to_disk(dev);
}

__rb_helper struct device *rb_helper_disk_find_namesake(struct gendisk *disk)
{
	return class_find_device_by_name(disk_to_dev(disk)->class, disk->disk_name);
}

__rb_helper struct kobject *rb_helper_disk_kobj(struct gendisk *disk)
{
	return &disk_to_dev(disk)->kobj;
}

__rb_helper bool rb_helper_disk_has_partitions(struct gendisk *disk)
{
	struct block_device *part;
	unsigned long idx;

	/* The first one is the disk itself. */
	xa_for_each_start(&disk->part_tbl, idx, part, 1)
		return true;
	return false;
}

/* Before the disk is added: the block layer does not begin to throttle then. */
__rb_helper void rb_helper_disk_disable_wbt(struct gendisk *disk)
{
	blk_queue_flag_set(QUEUE_FLAG_DISABLE_WBT_DEF, disk->queue);
}

__rb_helper void rb_helper_disk_need_part_scan(struct gendisk *disk)
{
	set_bit(GD_NEED_PART_SCAN, &disk->state);
}

__rb_helper bool rb_helper_disk_forget_part_scan(struct gendisk *disk)
{
	return test_and_clear_bit(GD_NEED_PART_SCAN, &disk->state);
}

/* As set_disk_ro(), without its uevent: for a disk that is not in sysfs. */
__rb_helper void rb_helper_disk_set_ro_quietly(struct gendisk *disk, bool ro)
{
	if (ro)
		set_bit(GD_READ_ONLY, &disk->state);
	else
		clear_bit(GD_READ_ONLY, &disk->state);
}

/* For a disk that opens another one with its own open_mutex held. */
__rb_helper void rb_helper_disk_set_open_class(struct gendisk *disk,
					       struct lock_class_key *key)
{
	lockdep_set_class(&disk->open_mutex, key);
}

/* Whether what this task submits is queued until it returns to its own submission. */
__rb_helper bool rb_helper_in_submission(void)
{
	return current->bio_list;
}

/*
 * A bio on behalf of a request has the priority and the cgroup of the request's, as
 * clones have. A flush has none.
 */
__rb_helper void rb_helper_bio_inherit(struct bio *bio, struct request *rq)
{
	if (rq->bio) {
		bio->bi_ioprio = req_get_ioprio(rq);
		bio_clone_blkg_association(bio, rq->bio);
	}
}

/*
 * A part of the memory of a vector that others use, too: from so many bytes in an entry on. C looks
 * at the vector, and leaves it as it is.
 */
__rb_helper void rb_helper_bio_init_part(struct bio *bio, struct block_device *bdev, blk_opf_t opf,
					 const struct bio_vec *bvecs, unsigned int entry,
					 unsigned int done, unsigned int bytes)
{
	bio_init(bio, bdev, (struct bio_vec *)bvecs + entry, 0, opf);
	bio_set_flag(bio, BIO_CLONED);
	bio->bi_iter.bi_size = done + bytes;
	bio_advance_iter(bio, &bio->bi_iter, done);
}

/* Whether the queue_rq() that has this request may sleep: it is under SRCU then, or else RCU. */
__rb_helper bool rb_helper_rq_may_sleep(struct request *rq)
{
	return rq->q->tag_set->flags & BLK_MQ_F_BLOCKING;
}

/*
 * Whether a bio of ours with REQ_NOWAIT does not wait for other I/O there. For a tag, and while the
 * queue is frozen, it does not. But:
 *
 * - rq_qos_throttle() ignores REQ_NOWAIT. blk-wbt leaves alone what has REQ_SYNC and REQ_IDLE, as
 *   direct I/O. blk-iolatency and blk-iocost are control group policies. Others (blk-throttle, bfq)
 *   would not sleep, but cannot be told apart here.
 * - Without blk-mq, the driver submits to queues that are not known here, unless it is one that has
 *   all done when it returns: memory. The feature is not inherited from what is below.
 * - Integrity data is allocated from a pool of the block layer.
 *
 * A policy is activated while the queue is frozen: who has a reference has the answer as long.
 */
static bool rb_bdev_takes_at_once(struct block_device *bdev)
{
	if (!bdev_nowait(bdev) || bdev_get_integrity(bdev))
		return false;
	if (!queue_is_mq(bdev_get_queue(bdev)))
		return bdev_synchronous(bdev);
#ifdef CONFIG_BLK_CGROUP
	return bitmap_empty(bdev_get_queue(bdev)->blkcg_pols, BLKCG_MAX_POLS);
#else
	return true;
#endif
}

/*
 * Submits a bio with REQ_NOWAIT amid a submission, in a queue_rq() that may sleep: now, not
 * behind what the task has in line, requests of its plug and bios that come after the one it
 * submits. blk-mq may have taken requests from the plug to issue them after ours: nothing can
 * send them on their way while this task sleeps. They may have what others wait for, tags and
 * places that blk-iolatency counts of the lower device. So this must not wait for I/O, and does
 * not submit the bio where that might be. It does not do so within another such call either, so
 * that the stack has an end. The mark of that is PF_LOCAL_THROTTLE: others who write for a device
 * set it, too, and it is right here. What the lower driver allocates must not wait for I/O, hence
 * PF_MEMALLOC_NOIO.
 */
__rb_helper bool rb_helper_submit_bio_at_once(struct bio *bio)
{
	const unsigned int flags = PF_LOCAL_THROTTLE | PF_MEMALLOC_NOIO;
	struct percpu_ref *users = &bdev_get_queue(bio->bi_bdev)->q_usage_counter;
	struct bio_list *bios = current->bio_list;
	struct blk_plug *plug = current->plug;
	unsigned int before = current->flags;
	bool takes;

	/* Freezing the queue waits for us, and we for nothing. */
	if ((before & PF_LOCAL_THROTTLE) || !percpu_ref_tryget_live(users))
		return false;
	takes = rb_bdev_takes_at_once(bio->bi_bdev);
	if (takes) {
		/* With PF_BLOCK_TS set, a task switch writes to the plug: there has to be one. */
		blk_plug_invalidate_ts();
		barrier();
		current->flags |= flags;
		current->bio_list = NULL;
		current->plug = NULL;
		/* It was counted where it came from. */
		submit_bio_noacct(bio);
		current->plug = plug;
		current->bio_list = bios;
		current_restore_flags(before, flags);
	}
	percpu_ref_put(users);
	return takes;
}

/* What waits for those who open or close the disk must not hold them up. */
__rb_helper void rb_helper_disk_assert_not_opening(struct gendisk *disk)
{
	lockdep_assert_not_held(&disk->open_mutex);
}

/* How many references there are to the device of a disk. */
__rb_helper unsigned int rb_helper_disk_refs(struct gendisk *disk)
{
	return kref_read(&disk_to_dev(disk)->kobj.kref);
}

/*
 * Waits until each task that runs in the text of a module has left it, unless
 * it sleeps there. Without TASKS_RCU, which tracing brings, tasks that were
 * preempted are not waited for, if they can be.
 */
__rb_helper void rb_helper_synchronize_text(void)
{
	synchronize_rcu_tasks();
}

__rb_helper unsigned int rb_helper_disk_openers(struct gendisk *disk)
{
	return disk_openers(disk);
}

__rb_helper unsigned int rb_helper_blk_mq_freeze_queue(struct request_queue *q)
{
	return blk_mq_freeze_queue(q);
}

__rb_helper void rb_helper_blk_mq_unfreeze_queue(struct request_queue *q,
						 unsigned int memflags)
{
	blk_mq_unfreeze_queue(q, memflags);
}

__rb_helper void rb_helper_blk_queue_disable_discard(struct request_queue *q)
{
	blk_queue_disable_discard(q);
}

__rb_helper void rb_helper_blk_queue_disable_write_zeroes(struct request_queue *q)
{
	blk_queue_disable_write_zeroes(q);
}

/* queue_limits_commit_update_frozen(), but gives up when I/O takes too long. */
__rb_helper int rb_helper_queue_limits_commit_within(struct request_queue *q,
						     struct queue_limits *lim,
						     unsigned int msecs)
{
	unsigned int memflags = memalloc_noio_save();
	int err = -EBUSY;

	blk_freeze_queue_start(q);
	if (blk_mq_freeze_queue_wait_timeout(q, msecs_to_jiffies(msecs)) > 0)
		err = queue_limits_commit_update(q, lim);
	else
		queue_limits_cancel_update(q);
	blk_mq_unfreeze_queue(q, memflags);
	return err;
}

/* Unlike blk_get_queue(), for a queue that one has a reference to already. */
__rb_helper void rb_helper_blk_queue_ref(struct request_queue *q)
{
	refcount_inc(&q->refs);
}
