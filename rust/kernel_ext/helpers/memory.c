// SPDX-License-Identifier: GPL-2.0
/* Addresses and DMA; see helpers.h. */
#include <linux/cc_platform.h>
#include <linux/export.h>
#include <linux/io.h>

#include "../helpers.h"

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
