// SPDX-License-Identifier: GPL-2.0

#include <linux/xarray.h>

__rb_helper void *rb_helper_xas_reload(struct xa_state *xas)
{
	return xas_reload(xas);
}
