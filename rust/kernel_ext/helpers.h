/* SPDX-License-Identifier: GPL-2.0 */
/*
 * C inline functions and macros that rvirtio needs and that neither
 * rust/helpers nor rust/bindings of the kernel have, out of line in helpers/.
 * Each is exported, since generic Rust code that calls it is compiled into
 * the module that uses it. bindgen reads this file.
 */
#ifndef RVIRTIO_HELPERS_H
#define RVIRTIO_HELPERS_H

#include <linux/balloon.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/page_reporting.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>

phys_addr_t rvirtio_helper_bvec_phys(const struct bio_vec *bv);
phys_addr_t rvirtio_helper_virt_to_phys(const void *addr);
int rvirtio_helper_dma_mapping_error(struct device *dev, dma_addr_t addr);
bool rvirtio_helper_guest_memory_encrypted(void);
struct device *rvirtio_helper_disk_to_dev(struct gendisk *disk);
void rvirtio_helper_limits_cancel(struct request_queue *q);
void rvirtio_helper_limits_start(struct request_queue *q, struct queue_limits *lim);

/* What the kernel counts of memory; in pages, but for the faults, kills and stalls, and those of huge pages. */
struct rvirtio_memory_counters {
	u64 total;
	u64 free;
	u64 available;
	u64 caches;
	u64 swap_in;
	u64 swap_out;
	u64 major_faults;
	u64 minor_faults;
	u64 oom_kills;
	u64 alloc_stalls;
	u64 async_scans;
	u64 direct_scans;
	u64 async_reclaims;
	u64 direct_reclaims;
	u64 hugetlb_allocations;
	u64 hugetlb_failures;
	bool has_events;
	bool has_hugetlb;
};

void rvirtio_helper_balloon_devinfo_init(struct balloon_dev_info *info);
void rvirtio_helper_page_list_add(struct page *page, struct list_head *list);
struct page *rvirtio_helper_page_list_pop(struct list_head *list);
struct page *rvirtio_helper_page_list_next(const struct list_head *list, const struct page *page);
unsigned long rvirtio_helper_page_to_pfn(const struct page *page);
void rvirtio_helper_put_page(struct page *page);
phys_addr_t rvirtio_helper_sg_phys(struct scatterlist *sg);
bool rvirtio_helper_free_pages_filled(u8 *value);
void rvirtio_helper_memory_counters(struct rvirtio_memory_counters *counters);

#endif
