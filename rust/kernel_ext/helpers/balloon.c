// SPDX-License-Identifier: GPL-2.0
/* The memory balloon; see helpers.h. */
#include <linux/export.h>
#include <linux/hugetlb.h>
#include <linux/list.h>
#include <linux/poison.h>
#include <linux/vmstat.h>

#include "../helpers.h"

void rvirtio_helper_balloon_devinfo_init(struct balloon_dev_info *info)
{
	balloon_devinfo_init(info);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_balloon_devinfo_init);

void rvirtio_helper_page_list_add(struct page *page, struct list_head *list)
{
	list_add(&page->lru, list);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_page_list_add);

struct page *rvirtio_helper_page_list_pop(struct list_head *list)
{
	struct page *page = list_first_entry_or_null(list, struct page, lru);

	if (page)
		list_del(&page->lru);
	return page;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_page_list_pop);

/* The page behind @page, or the first one for NULL; NULL at the end. */
struct page *rvirtio_helper_page_list_next(const struct list_head *list, const struct page *page)
{
	const struct list_head *next = page ? page->lru.next : list->next;

	return next == list ? NULL : list_entry(next, struct page, lru);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_page_list_next);

unsigned long rvirtio_helper_page_to_pfn(const struct page *page)
{
	return page_to_pfn(page);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_page_to_pfn);

void rvirtio_helper_put_page(struct page *page)
{
	put_page(page);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_put_page);

phys_addr_t rvirtio_helper_sg_phys(struct scatterlist *sg)
{
	return sg_phys(sg);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_sg_phys);

/* Whether free pages are kept filled with a value, and with which. */
bool rvirtio_helper_free_pages_filled(u8 *value)
{
	if (want_init_on_free()) {
		*value = 0;
		return true;
	}
	*value = PAGE_POISON;
	return page_poisoning_enabled_static();
}
EXPORT_SYMBOL_GPL(rvirtio_helper_free_pages_filled);

void rvirtio_helper_memory_counters(struct rvirtio_memory_counters *counters)
{
	struct sysinfo info;
#ifdef CONFIG_VM_EVENT_COUNTERS
	unsigned long events[NR_VM_EVENT_ITEMS];
	unsigned int zone;
#endif

	memset(counters, 0, sizeof(*counters));
	si_meminfo(&info);
	counters->total = info.totalram;
	counters->free = info.freeram;
	counters->available = max(si_mem_available(), 0L);
	counters->caches = global_node_page_state(NR_FILE_PAGES);

#ifdef CONFIG_VM_EVENT_COUNTERS
	all_vm_events(events);
	counters->has_events = true;
	counters->swap_in = events[PSWPIN];
	counters->swap_out = events[PSWPOUT];
	counters->major_faults = events[PGMAJFAULT];
	counters->minor_faults = events[PGFAULT];
	counters->oom_kills = events[OOM_KILL];
	/* One for each zone, in the order of the zones. */
	for (zone = 0; zone < MAX_NR_ZONES; zone++)
		counters->alloc_stalls += events[ALLOCSTALL_NORMAL - ZONE_NORMAL + zone];
	counters->async_scans = global_node_page_state(PGSCAN_KSWAPD);
	counters->direct_scans = global_node_page_state(PGSCAN_DIRECT);
	counters->async_reclaims = global_node_page_state(PGSTEAL_KSWAPD);
	counters->direct_reclaims = global_node_page_state(PGSTEAL_DIRECT);
#ifdef CONFIG_HUGETLB_PAGE
	counters->has_hugetlb = true;
	counters->hugetlb_allocations = events[HTLB_BUDDY_PGALLOC];
	counters->hugetlb_failures = events[HTLB_BUDDY_PGALLOC_FAIL];
#endif
#endif
}
EXPORT_SYMBOL_GPL(rvirtio_helper_memory_counters);

/* As much as the host may be told of at once, if it is free. */
struct page *rvirtio_helper_block_take(void)
{
	return alloc_pages(__GFP_NORETRY | __GFP_NOWARN | __GFP_NOMEMALLOC, MAX_PAGE_ORDER);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_block_take);

void rvirtio_helper_block_give(struct page *page)
{
	__free_pages(page, MAX_PAGE_ORDER);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_block_give);

/* A list through the pages themselves, which are the caller's. */
void rvirtio_helper_page_set_link(struct page *page, struct page *next)
{
	set_page_private(page, (unsigned long)next);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_page_set_link);

struct page *rvirtio_helper_page_take_link(struct page *page)
{
	struct page *next = (struct page *)page_private(page);

	set_page_private(page, 0);
	return next;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_page_take_link);
