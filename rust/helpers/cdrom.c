// SPDX-License-Identifier: GPL-2.0

#include <linux/blkdev.h>
#include <linux/cdrom.h>

__rb_helper struct cdrom_device_info *rb_helper_disk_cdi(struct gendisk *disk)
{
#if IS_ENABLED(CONFIG_CDROM)
	return disk->cdi;
#else
	return NULL;
#endif
}

__rb_helper int rb_helper_cdrom_generic_packet(struct cdrom_device_info *cdi,
					       struct packet_command *cgc)
{
	if (!cdi->ops->generic_packet)
		return -EOPNOTSUPP;
	return cdi->ops->generic_packet(cdi, cgc);
}
