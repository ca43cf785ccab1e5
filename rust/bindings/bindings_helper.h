/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Headers (and constants) that the upstream `bindings` crate does not cover.
 *
 * Only the items named in `bindgen_parameters` are emitted; every other type
 * these items mention resolves to `kernel::bindings`.
 *
 * Sorted alphabetically.
 */

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/cdrom.h>
#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/reboot.h>
#include <linux/xarray.h>
#include <net/genetlink.h>
#include <net/netlink.h>
#include <scsi/scsi_common.h>
#include <scsi/scsi_device.h>
#include <scsi/scsi_proto.h>
#include <scsi/scsi_status.h>

/* Numbers of the configuration; without the driver that they are for, its defaults. */
#ifdef CONFIG_BLK_DEV_RAM_COUNT
const int RUST_CONST_HELPER_BLK_DEV_RAM_COUNT = CONFIG_BLK_DEV_RAM_COUNT;
const unsigned long RUST_CONST_HELPER_BLK_DEV_RAM_SIZE = CONFIG_BLK_DEV_RAM_SIZE;
#else
const int RUST_CONST_HELPER_BLK_DEV_RAM_COUNT = 16;
const unsigned long RUST_CONST_HELPER_BLK_DEV_RAM_SIZE = 4096;
#endif

/* `bindgen` cannot evaluate macros that contain casts. */
const blk_features_t RUST_CONST_HELPER_BLK_FEAT_WRITE_CACHE = BLK_FEAT_WRITE_CACHE;
const blk_features_t RUST_CONST_HELPER_BLK_FEAT_FUA = BLK_FEAT_FUA;
const blk_features_t RUST_CONST_HELPER_BLK_FEAT_SYNCHRONOUS = BLK_FEAT_SYNCHRONOUS;
const blk_features_t RUST_CONST_HELPER_BLK_FEAT_NOWAIT = BLK_FEAT_NOWAIT;
const blk_features_t RUST_CONST_HELPER_BLK_FEAT_IO_STAT = BLK_FEAT_IO_STAT;
const blk_features_t RUST_CONST_HELPER_BLK_FEAT_STABLE_WRITES = BLK_FEAT_STABLE_WRITES;
const blk_mode_t RUST_CONST_HELPER_BLK_OPEN_READ = BLK_OPEN_READ;
const blk_mode_t RUST_CONST_HELPER_BLK_OPEN_WRITE = BLK_OPEN_WRITE;
const blk_mode_t RUST_CONST_HELPER_BLK_OPEN_EXCL = BLK_OPEN_EXCL;
const blk_mode_t RUST_CONST_HELPER_BLK_OPEN_NDELAY = BLK_OPEN_NDELAY;
const unsigned long RUST_CONST_HELPER_CDSL_CURRENT = CDSL_CURRENT;
const blk_opf_t RUST_CONST_HELPER_REQ_BACKGROUND = REQ_BACKGROUND;
const blk_opf_t RUST_CONST_HELPER_REQ_FUA = REQ_FUA;
const blk_opf_t RUST_CONST_HELPER_REQ_IDLE = REQ_IDLE;
const blk_opf_t RUST_CONST_HELPER_REQ_META = REQ_META;
const blk_opf_t RUST_CONST_HELPER_REQ_NOMERGE = REQ_NOMERGE;
const blk_opf_t RUST_CONST_HELPER_REQ_NOUNMAP = REQ_NOUNMAP;
const blk_opf_t RUST_CONST_HELPER_REQ_NOWAIT = REQ_NOWAIT;
const blk_opf_t RUST_CONST_HELPER_REQ_OP_MASK = REQ_OP_MASK;
const blk_opf_t RUST_CONST_HELPER_REQ_POLLED = REQ_POLLED;
const blk_opf_t RUST_CONST_HELPER_REQ_PREFLUSH = REQ_PREFLUSH;
const blk_opf_t RUST_CONST_HELPER_REQ_PRIO = REQ_PRIO;
const blk_opf_t RUST_CONST_HELPER_REQ_RAHEAD = REQ_RAHEAD;
const blk_opf_t RUST_CONST_HELPER_REQ_SYNC = REQ_SYNC;
const blk_status_t RUST_CONST_HELPER_BLK_STS_AGAIN = BLK_STS_AGAIN;
const blk_status_t RUST_CONST_HELPER_BLK_STS_DEV_RESOURCE = BLK_STS_DEV_RESOURCE;
const blk_status_t RUST_CONST_HELPER_BLK_STS_INVAL = BLK_STS_INVAL;
const blk_status_t RUST_CONST_HELPER_BLK_STS_IOERR = BLK_STS_IOERR;
const blk_status_t RUST_CONST_HELPER_BLK_STS_MEDIUM = BLK_STS_MEDIUM;
const blk_status_t RUST_CONST_HELPER_BLK_STS_NOSPC = BLK_STS_NOSPC;
const blk_status_t RUST_CONST_HELPER_BLK_STS_NOTSUPP = BLK_STS_NOTSUPP;
const blk_status_t RUST_CONST_HELPER_BLK_STS_OFFLINE = BLK_STS_OFFLINE;
const blk_status_t RUST_CONST_HELPER_BLK_STS_RESOURCE = BLK_STS_RESOURCE;
const blk_status_t RUST_CONST_HELPER_BLK_STS_TIMEOUT = BLK_STS_TIMEOUT;
const u8 RUST_CONST_HELPER_GENL_DONT_VALIDATE_STRICT = GENL_DONT_VALIDATE_STRICT;
const u8 RUST_CONST_HELPER_GENL_DONT_VALIDATE_DUMP = GENL_DONT_VALIDATE_DUMP;
const u8 RUST_CONST_HELPER_NLA_NESTED = NLA_NESTED;
const u8 RUST_CONST_HELPER_NLA_STRING = NLA_STRING;
const u8 RUST_CONST_HELPER_NLA_U32 = NLA_U32;
const u8 RUST_CONST_HELPER_NLA_U64 = NLA_U64;
const u8 RUST_CONST_HELPER_NLA_U8 = NLA_U8;
const size_t RUST_CONST_HELPER_GENLMSG_DEFAULT_SIZE = GENLMSG_DEFAULT_SIZE;
const size_t RUST_CONST_HELPER_NLA_POLICY_SIZE = sizeof(struct nla_policy);
const gfp_t RUST_CONST_HELPER_GFP_NOIO = GFP_NOIO;
const gfp_t RUST_CONST_HELPER___GFP_COMP = __GFP_COMP;
const gfp_t RUST_CONST_HELPER___GFP_NOMEMALLOC = __GFP_NOMEMALLOC;
const gfp_t RUST_CONST_HELPER___GFP_RETRY_MAYFAIL = __GFP_RETRY_MAYFAIL;
