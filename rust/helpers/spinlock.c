// SPDX-License-Identifier: GPL-2.0

#include <linux/spinlock.h>

__rb_helper unsigned long rb_helper_irq_lock(spinlock_t *lock)
{
	unsigned long flags;

	spin_lock_irqsave(lock, flags);
	return flags;
}

__rb_helper void rb_helper_irq_unlock(spinlock_t *lock, unsigned long flags)
{
	spin_unlock_irqrestore(lock, flags);
}
