// SPDX-License-Identifier: GPL-2.0
/* Locks, and waiting for who runs; see helpers.h. */
#include <linux/export.h>
#include <linux/rcupdate.h>

#include "../helpers.h"

void rvirtio_helper_spin_lock_bh(spinlock_t *lock)
{
	spin_lock_bh(lock);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_spin_lock_bh);

void rvirtio_helper_spin_unlock_bh(spinlock_t *lock)
{
	spin_unlock_bh(lock);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_spin_unlock_bh);

bool rvirtio_helper_spin_trylock_bh(spinlock_t *lock)
{
	return spin_trylock_bh(lock);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_spin_trylock_bh);

void rvirtio_helper_synchronize_tasks(void)
{
	synchronize_rcu_tasks();
}
EXPORT_SYMBOL_GPL(rvirtio_helper_synchronize_tasks);
