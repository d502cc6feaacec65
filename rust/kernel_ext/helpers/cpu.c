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
