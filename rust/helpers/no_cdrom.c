// SPDX-License-Identifier: GPL-2.0
/*
 * In modules whose drivers know nothing of optical drives: no disk is one, and
 * nothing of the SCSI layer is needed, which may be a module itself.
 */

#define RB_NO_OPTICAL
#include "cdrom.c"
