// SPDX-License-Identifier: GPL-2.0
/* Virtual functions of PCI, which are inline where the kernel has none; see helpers.h. */
#include <linux/export.h>
#include <linux/pci.h>

#include "../helpers.h"

int rvirtio_helper_enable_sriov(struct pci_dev *dev, int count)
{
	return pci_enable_sriov(dev, count);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_enable_sriov);

void rvirtio_helper_disable_sriov(struct pci_dev *dev)
{
	pci_disable_sriov(dev);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_disable_sriov);

int rvirtio_helper_vfs_assigned(struct pci_dev *dev)
{
	return pci_vfs_assigned(dev);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_vfs_assigned);
