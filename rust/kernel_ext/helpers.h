/* SPDX-License-Identifier: GPL-2.0 */
/*
 * C inline functions and macros that rvirtio needs and that neither
 * rust/helpers nor rust/bindings of the kernel have, out of line in helpers/.
 * Each is exported, since generic Rust code that calls it is compiled into
 * the module that uses it. bindgen reads this file.
 */
#ifndef RVIRTIO_HELPERS_H
#define RVIRTIO_HELPERS_H

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/pci.h>

phys_addr_t rvirtio_helper_bvec_phys(const struct bio_vec *bv);
phys_addr_t rvirtio_helper_virt_to_phys(const void *addr);
int rvirtio_helper_dma_mapping_error(struct device *dev, dma_addr_t addr);
bool rvirtio_helper_guest_memory_encrypted(void);
struct device *rvirtio_helper_disk_to_dev(struct gendisk *disk);
void rvirtio_helper_limits_cancel(struct request_queue *q);
void rvirtio_helper_limits_start(struct request_queue *q, struct queue_limits *lim);

#endif
