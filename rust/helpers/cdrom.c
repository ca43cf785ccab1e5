// SPDX-License-Identifier: GPL-2.0

#include <linux/blkdev.h>
#include <linux/cdrom.h>
#include <linux/major.h>
#include <scsi/scsi_cmnd.h>
#include <scsi/scsi_device.h>

#include "helpers.h"

#if IS_ENABLED(CONFIG_BLK_DEV_SR) && !defined(RB_NO_OPTICAL)
#define RB_OPTICAL 1
#else
#define RB_OPTICAL 0
#endif

/* The SCSI device of an optical drive, which lives as long as the disk is open. */
__rb_helper struct scsi_device *rb_helper_optical_device(struct gendisk *disk)
{
#if RB_OPTICAL
	if (disk->major == SCSI_CDROM_MAJOR && disk->cdi)
		return disk->queue->queuedata;
#endif
	return NULL;
}

/* One of another kind of bus cannot be asked to write, and so is a disk like others. */
__rb_helper bool rb_helper_bdev_is_optical(struct block_device *bdev)
{
	return rb_helper_optical_device(bdev->bd_disk);
}

/* How often the drive has told anybody of a reset or of another medium. */
__rb_helper unsigned int rb_helper_optical_attentions(struct scsi_device *sdev)
{
	return (unsigned int)scsi_get_ua_por_ctr(sdev) +
	       (unsigned int)scsi_get_ua_new_media_ctr(sdev);
}

/*
 * Returns a negative errno, or what the SCSI layer has made of the command:
 * host byte and status. Unlike the drive's own generic_packet(), it keeps nothing
 * back.
 */
__rb_helper int rb_helper_optical_execute(struct scsi_device *sdev, const u8 *cmd,
					  bool out, void *buffer, unsigned int len,
					  unsigned int msecs, int retries,
					  struct scsi_sense_hdr *sshdr)
{
#if RB_OPTICAL
	const struct scsi_exec_args args = { .sshdr = sshdr };

	return scsi_execute_cmd(sdev, cmd, out ? REQ_OP_DRV_OUT : REQ_OP_DRV_IN,
				buffer, len, msecs_to_jiffies(msecs), retries, &args);
#else
	return -ENODEV;
#endif
}

/*
 * Has the drive's driver look for another medium, as sr does itself. The bit has
 * neighbours in its word, and none of their writers takes a lock: of two changes
 * at the same time one may be lost, as with those of sr.
 */
__rb_helper void rb_helper_optical_changed(struct scsi_device *sdev)
{
	sdev->changed = 1;
}

/* Whether the drive's driver has been told of another medium, and has not looked yet. */
__rb_helper bool rb_helper_optical_has_changed(struct scsi_device *sdev)
{
	return sdev->changed;
}

/*
 * Whether the drive's driver locks the door while the drive is open, which can be
 * switched off for all drives and for each.
 */
__rb_helper bool rb_helper_optical_locks_door(struct gendisk *disk)
{
	const struct cdrom_device_info *cdi = disk->cdi;

	return cdi && !(cdi->mask & CDC_LOCK) && (cdi->options & CDO_LOCK);
}

/*
 * Tells the drive's driver that what was written to the medium is closed. Else it closes a
 * DVD+RW when the last opener goes, and waits for that under its locks.
 */
__rb_helper void rb_helper_optical_closed(struct gendisk *disk)
{
	struct cdrom_device_info *cdi = disk->cdi;

	if (cdi)
		cdi->media_written = 0;
}
