// SPDX-License-Identifier: GPL-2.0
/* CPUs; see helpers.h. */
#include <linux/cpumask.h>
#include <linux/export.h>

#include "../helpers.h"

const struct cpumask *rvirtio_helper_cpumask_of(unsigned int cpu)
{
	return cpumask_of(cpu);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_cpumask_of);

unsigned int rvirtio_helper_online_cpus(void)
{
	return num_online_cpus();
}
EXPORT_SYMBOL_GPL(rvirtio_helper_online_cpus);

/* CPU numbers are below this. */
unsigned int rvirtio_helper_cpu_ids(void)
{
	return nr_cpu_ids;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_cpu_ids);

/* The first CPU in the mask whose number is above @after, or -1. */
int rvirtio_helper_cpumask_next(int after, const struct cpumask *mask)
{
	unsigned int cpu = cpumask_next(after, mask);

	return cpu < nr_cpu_ids ? cpu : -1;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_cpumask_next);
