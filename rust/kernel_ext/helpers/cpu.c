// SPDX-License-Identifier: GPL-2.0
/* CPUs; see helpers.h. */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/interrupt.h>

#include "../helpers.h"

/*
 * Moves an interrupt to a CPU, number @place of those that are online. None of
 * them leaves meanwhile: for one that is just leaving, or coming, this waits,
 * or does nothing, as @wait says.
 */
int rvirtio_helper_irq_prefer(unsigned int irq, unsigned int place, bool wait)
{
	unsigned int cpu;
	int ret = -EINVAL;

	if (wait)
		cpus_read_lock();
	else if (!cpus_read_trylock())
		return -EAGAIN;
	cpu = cpumask_local_spread(place, NUMA_NO_NODE);
	if (cpu < nr_cpu_ids)
		ret = irq_set_affinity_and_hint(irq, cpumask_of(cpu));
	cpus_read_unlock();
	return ret;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_irq_prefer);

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

/*
 * Those who follow CPUs that come and go. Two states: one hears of a CPU that
 * is there, the other of one that is not there any more; the same state would
 * hear of the second too early.
 */
static enum cpuhp_state online_state, dead_state;

static int watch_online(unsigned int cpu, struct hlist_node *node)
{
	struct rvirtio_cpu_watch *watch = hlist_entry(node, struct rvirtio_cpu_watch, online);

	watch->changed(watch);
	return 0;
}

static int watch_dead(unsigned int cpu, struct hlist_node *node)
{
	struct rvirtio_cpu_watch *watch = hlist_entry(node, struct rvirtio_cpu_watch, dead);

	watch->changed(watch);
	return 0;
}

int rvirtio_helper_cpu_watches_begin(void)
{
	int state = cpuhp_setup_state_multi(CPUHP_AP_ONLINE_DYN, "rvirtio:online", watch_online, NULL);

	if (state < 0)
		return state;
	online_state = state;
	state = cpuhp_setup_state_multi(CPUHP_BP_PREPARE_DYN, "rvirtio:dead", NULL, watch_dead);
	if (state < 0) {
		cpuhp_remove_multi_state(online_state);
		return state;
	}
	dead_state = state;
	return 0;
}

void rvirtio_helper_cpu_watches_end(void)
{
	cpuhp_remove_multi_state(dead_state);
	cpuhp_remove_multi_state(online_state);
}

int rvirtio_helper_cpu_watch_add(struct rvirtio_cpu_watch *watch)
{
	int ret = cpuhp_state_add_instance_nocalls(online_state, &watch->online);

	if (ret)
		return ret;
	ret = cpuhp_state_add_instance_nocalls(dead_state, &watch->dead);
	if (ret)
		cpuhp_state_remove_instance_nocalls(online_state, &watch->online);
	return ret;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_cpu_watch_add);

void rvirtio_helper_cpu_watch_remove(struct rvirtio_cpu_watch *watch)
{
	cpuhp_state_remove_instance_nocalls(dead_state, &watch->dead);
	cpuhp_state_remove_instance_nocalls(online_state, &watch->online);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_cpu_watch_remove);
