// SPDX-License-Identifier: GPL-2.0
/*
 * For tests: has commands to virtio-scsi time out.
 *
 * That driver answers each timeout with "wait on", since it trusts its device. The emulated
 * drives are not to be trusted. While this module is loaded, the hosts that are there have a
 * template without that answer, and the SCSI layer's error handler does its work.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <scsi/scsi_host.h>

#define HOSTS 8

static struct scsi_host_template patient;
static const struct scsi_host_template *usual;
static typeof(scsi_host_lookup(0)) hosts[HOSTS];

static int __init scsi_timeouts_init(void)
{
	unsigned int i, found = 0;

	for (i = 0; i < HOSTS; i++) {
		typeof(hosts[0]) host = scsi_host_lookup(i);

		if (!host)
			continue;
		if (strcmp(host->hostt->proc_name ?: "", "virtio_scsi")) {
			scsi_host_put(host);
			continue;
		}
		usual = host->hostt;
		patient = *usual;
		patient.eh_timed_out = NULL;
		host->hostt = &patient;
		hosts[i] = host;
		found++;
	}
	return found ? 0 : -ENODEV;
}

static void __exit scsi_timeouts_exit(void)
{
	unsigned int i;

	for (i = 0; i < HOSTS; i++) {
		if (!hosts[i])
			continue;
		hosts[i]->hostt = usual;
		scsi_host_put(hosts[i]);
	}
	synchronize_rcu();
}

module_init(scsi_timeouts_init);
module_exit(scsi_timeouts_exit);
MODULE_DESCRIPTION("Has commands to virtio-scsi time out, for tests");
MODULE_LICENSE("GPL");
