// SPDX-License-Identifier: GPL-2.0
/*
 * Prints how many thousand times a second this machine's time stamp counter counts,
 * which an emulated machine has too, and may find out wrongly if this one is busy.
 */

#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static long long nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Reads both clocks at once, as far as possible. */
static unsigned long long both(long long *when)
{
	long long best = -1;
	unsigned long long count = 0;

	for (int i = 0; i < 100; i++) {
		long long before = nanoseconds();
		unsigned long long here = __rdtsc();
		long long after = nanoseconds();

		if (best < 0 || after - before < best) {
			best = after - before;
			*when = before + best / 2;
			count = here;
		}
	}
	return count;
}

int main(void)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	long long begin, end;
	unsigned long long first = both(&begin), last;

	nanosleep(&pause, NULL);
	last = both(&end);
	printf("%lld\n", (long long)((last - first) * 1000000ULL / (end - begin)));
	return 0;
}
