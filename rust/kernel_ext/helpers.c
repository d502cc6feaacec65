// SPDX-License-Identifier: GPL-2.0
/*
 * Out-of-line copies of inline functions for the Rust side; see helpers.h.
 * Each is exported, since generic Rust code that calls it is compiled into
 * the module that uses it.
 */
#include <linux/cc_platform.h>
#include <linux/export.h>
#include <linux/io.h>

#include "helpers.h"

phys_addr_t rvirtio_helper_bvec_phys(const struct bio_vec *bv)
{
	return bvec_phys(bv);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_bvec_phys);

phys_addr_t rvirtio_helper_virt_to_phys(const void *addr)
{
	return virt_to_phys((void *)addr);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_virt_to_phys);

int rvirtio_helper_dma_mapping_error(struct device *dev, dma_addr_t addr)
{
	return dma_mapping_error(dev, addr);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_dma_mapping_error);

bool rvirtio_helper_guest_memory_encrypted(void)
{
	return cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_guest_memory_encrypted);

struct device *rvirtio_helper_disk_to_dev(struct gendisk *disk)
{
	return disk_to_dev(disk);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_disk_to_dev);

void rvirtio_helper_limits_start(struct request_queue *q, struct queue_limits *lim)
{
	*lim = queue_limits_start_update(q);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_limits_start);

void rvirtio_helper_limits_cancel(struct request_queue *q)
{
	queue_limits_cancel_update(q);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_limits_cancel);
