// SPDX-License-Identifier: GPL-2.0

#include <linux/blk-cgroup.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/bvec.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/filelock.h>
#include <linux/fs.h>
#include <linux/ioprio.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/stat.h>
#include <linux/uio.h>

/*
 * What vfs_getattr() says, without its structure. dio_align is the unit of
 * positions and lengths of direct I/O, zero if there is none; mem_align is that of
 * memory.
 */
__rb_helper int rb_helper_file_stat(struct file *file, u64 *size, s64 *mtime,
				    u32 *dio_align, u32 *mem_align)
{
	struct kstat stat;
	int err;

	err = vfs_getattr(&file->f_path, &stat,
			  STATX_SIZE | STATX_MTIME | STATX_DIOALIGN, 0);
	if (err)
		return err;
	*size = stat.size;
	*mtime = stat.mtime.tv_sec;
	*dio_align = 0;
	*mem_align = 0;
	if (!(file->f_mode & FMODE_CAN_ODIRECT))
		return 0;
	if (stat.result_mask & STATX_DIOALIGN) {
		*dio_align = stat.dio_offset_align;
		*mem_align = stat.dio_mem_align;
	} else {
		/* No more is known than for the device of the file system. */
		struct block_device *bdev = file_inode(file)->i_sb->s_bdev;

		*dio_align = bdev ? bdev_logical_block_size(bdev) : SECTOR_SIZE;
		*mem_align = *dio_align;
	}
	return 0;
}

/* No program is asked whether I/O is allowed: it may wait for that very I/O. */
__rb_helper void rb_helper_file_no_perm_events(struct file *file)
{
	file_set_fsnotify_mode(file, FMODE_NONOTIFY_PERM);
}

__rb_helper umode_t rb_helper_file_mode(struct file *file)
{
	return file_inode(file)->i_mode;
}

/* The device number of the file of a device. */
__rb_helper dev_t rb_helper_file_rdev(struct file *file)
{
	return file_inode(file)->i_rdev;
}

__rb_helper bool rb_helper_file_is_same(struct file *a, struct file *b)
{
	return file_inode(a) == file_inode(b);
}

/*
 * Takes a lock on the whole file, as F_OFD_SETLK does, or fails with EAGAIN. It
 * goes with the file.
 */
__rb_helper int rb_helper_file_lock(struct file *file, bool exclusive)
{
#ifdef CONFIG_FILE_LOCKING
	struct file_lock *lock = locks_alloc_lock();
	int err;

	if (!lock)
		return -ENOMEM;
	lock->c.flc_file = file;
	lock->c.flc_owner = file;
	lock->c.flc_pid = -1;
	lock->c.flc_flags = FL_POSIX | FL_OFDLCK;
	lock->c.flc_type = exclusive ? F_WRLCK : F_RDLCK;
	lock->fl_start = 0;
	lock->fl_end = OFFSET_MAX;
	err = vfs_lock_file(file, F_SETLK, lock, NULL);
	locks_free_lock(lock);
	/* Without a server that might say so, there is no memory. */
	if (err == -ENOLCK && !file->f_op->lock)
		err = -ENOMEM;
	return err;
#else
	return 0;
#endif
}

__rb_helper int rb_helper_file_deny_write(struct file *file)
{
	return deny_write_access(file);
}

__rb_helper void rb_helper_file_allow_write(struct file *file)
{
	allow_write_access(file);
}

/* Frees the blocks of a part of a file, which then reads as zeroes. */
__rb_helper int rb_helper_file_punch_hole(struct file *file, loff_t pos, loff_t len)
{
	return vfs_fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			     pos, len);
}

/* Removes the name under which a file was opened, unless it is another file's by now. */
__rb_helper int rb_helper_file_unlink(struct file *file)
{
	struct vfsmount *mnt = file->f_path.mnt;
	struct dentry *parent, *dentry;
	int err = mnt_want_write(mnt);

	if (err)
		return err;
	parent = dget_parent(file->f_path.dentry);
	/* Fails if the name was removed, or moved elsewhere, meanwhile. */
	dentry = start_removing_dentry(parent, file->f_path.dentry);
	if (IS_ERR(dentry)) {
		err = PTR_ERR(dentry);
	} else {
		err = vfs_unlink(mnt_idmap(mnt), d_inode(parent), dentry, NULL);
		end_removing(dentry);
	}
	dput(parent);
	mnt_drop_write(mnt);
	return err;
}

/*
 * Reads or writes a file. With done, I/O is direct, and -EIOCBQUEUED says that
 * done is going to be called, or was. If there is a request, the I/O has its
 * priority. If this is a kernel thread, it also has the cgroup of the request; the
 * thread must not have one of its own, since it has none afterwards. Another task
 * has submitted the request itself, so its own cgroup is the right one.
 */
__rb_helper ssize_t rb_helper_kiocb_rw(struct kiocb *iocb, struct file *file,
				       bool write, loff_t pos,
				       const struct bio_vec *bvecs,
				       unsigned long nr, size_t bytes,
				       void (*done)(struct kiocb *, long),
				       struct request *rq)
{
	struct cgroup_subsys_state *css = NULL;
	struct iov_iter iter;
	ssize_t ret;

	*iocb = (struct kiocb) {
		.ki_filp = file,
		.ki_pos = pos,
		.ki_complete = done,
		.ki_flags = (done ? IOCB_DIRECT : 0) | (write ? IOCB_WRITE : 0),
		.ki_ioprio = rq ? req_get_ioprio(rq) : IOPRIO_DEFAULT,
	};
	iov_iter_bvec(&iter, write ? ITER_SOURCE : ITER_DEST, bvecs, nr, bytes);
	if (rq && rq->bio)
		css = bio_blkcg_css(rq->bio);
	if (css)
		kthread_associate_blkcg(css);
	/* The request may have ended when this returns. */
	ret = write ? vfs_iocb_iter_write(file, iocb, &iter)
		    : vfs_iocb_iter_read(file, iocb, &iter);
	if (css)
		kthread_associate_blkcg(NULL);
	return ret;
}

/* What a write that was queued has to give back when it has completed. */
__rb_helper void rb_helper_kiocb_end_write(struct kiocb *iocb)
{
	kiocb_end_write(iocb);
}

__rb_helper struct page *rb_helper_zero_page(void)
{
	return ZERO_PAGE(0);
}

/* Of a page that is not from high memory. */
__rb_helper void *rb_helper_page_address(struct page *page)
{
	return page_address(page);
}
