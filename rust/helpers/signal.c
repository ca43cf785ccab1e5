// SPDX-License-Identifier: GPL-2.0

#include <linux/sched/signal.h>

/*
 * Whether there is a signal that ends the current task or that it handles: neither one of job
 * control nor what merely has the task look, such as the freezer and tracers.
 */
__rb_helper bool rb_helper_signal_acts(void)
{
	struct sighand_struct *sighand = current->sighand;
	sigset_t set;
	int sig;

	if (fatal_signal_pending(current))
		return true;

	spin_lock_irq(&sighand->siglock);
	sigorsets(&set, &current->pending.signal, &current->signal->shared_pending.signal);
	sigandnsets(&set, &set, &current->blocked);
	sigdelsetmask(&set, sigmask(SIGSTOP) | sigmask(SIGCONT));
	/* SIGTSTP, SIGTTIN and SIGTTOU; they may have a handler. */
	for (sig = SIGTSTP; sig <= SIGTTOU; sig++)
		if (sighand->action[sig - 1].sa.sa_handler == SIG_DFL)
			sigdelset(&set, sig);
	spin_unlock_irq(&sighand->siglock);
	return !sigisemptyset(&set);
}
