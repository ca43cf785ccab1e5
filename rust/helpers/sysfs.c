// SPDX-License-Identifier: GPL-2.0

#include <linux/device.h>
#include <linux/sysfs.h>
