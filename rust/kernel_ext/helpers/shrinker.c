// SPDX-License-Identifier: GPL-2.0
/* Giving memory back; see helpers.h. */
#include <linux/export.h>

#include "../helpers.h"

static unsigned long shrinker_count(struct shrinker *shrinker, struct shrink_control *control)
{
	const struct rvirtio_shrinker *own = shrinker->private_data;

	return own->count(own->object) ?: SHRINK_EMPTY;
}

static unsigned long shrinker_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	const struct rvirtio_shrinker *own = shrinker->private_data;

	unsigned long freed = own->shrink(own->object, control->nr_to_scan);

	if (!freed)
		return SHRINK_STOP;
	/* It may be more than was asked for. */
	control->nr_scanned = freed;
	return freed;
}

int rvirtio_helper_shrinker_register(struct rvirtio_shrinker *own, const char *name)
{
	own->shrinker = shrinker_alloc(0, "%s", name);
	if (!own->shrinker)
		return -ENOMEM;
	own->shrinker->count_objects = shrinker_count;
	own->shrinker->scan_objects = shrinker_scan;
	own->shrinker->private_data = own;
	shrinker_register(own->shrinker);
	return 0;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_shrinker_register);

/* Waits until no callback runs. */
void rvirtio_helper_shrinker_unregister(struct rvirtio_shrinker *own)
{
	shrinker_free(own->shrinker);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_shrinker_unregister);
