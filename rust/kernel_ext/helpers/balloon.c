// SPDX-License-Identifier: GPL-2.0
/* The memory balloon; see helpers.h. */
#include <linux/export.h>
#include <linux/hugetlb.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/poison.h>
#include <linux/spinlock.h>
#include <linux/vmstat.h>

#include "../helpers.h"

void rvirtio_helper_balloon_devinfo_init(struct balloon_dev_info *info)
{
	balloon_devinfo_init(info);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_balloon_devinfo_init);

/*
 * Puts up to @count pages for a balloon into @pages, which hold NULL, and says how many: as balloon_page_alloc() has them, but
 * many at once.
 */
unsigned long rvirtio_helper_balloon_pages(int count, struct page **pages)
{
	gfp_t gfp = __GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN;

	gfp |= IS_ENABLED(CONFIG_BALLOON_MIGRATION) ? GFP_HIGHUSER_MOVABLE : GFP_HIGHUSER;
	return alloc_pages_bulk(gfp, count, pages);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_balloon_pages);

/* The kernel works out its reserves without a lock of its own, for who adjusts its counts one at a time. */
static DEFINE_SPINLOCK(accounting);

/*
 * Counts the pages of @list as memory of the guest, or not any more: at once for all that stand beside each other in a zone, since
 * the kernel works out its reserves anew each time.
 */
static void account(const struct list_head *list, long sign)
{
	struct page *page, *first = NULL;
	unsigned long flags;
	long count = 0;

	spin_lock_irqsave(&accounting, flags);
	list_for_each_entry(page, list, lru) {
		if (first && page_zone(page) != page_zone(first)) {
			adjust_managed_page_count(first, sign * count);
			count = 0;
		}
		if (!count)
			first = page;
		count++;
	}
	if (count)
		adjust_managed_page_count(first, sign * count);
	spin_unlock_irqrestore(&accounting, flags);
}

/* Puts the pages of @list into a balloon and says how many there were; with @accounts they are no memory of the guest any more. */
size_t rvirtio_helper_balloon_put(struct balloon_dev_info *info, struct list_head *list, bool accounts)
{
	if (accounts)
		account(list, -1);
	return balloon_page_list_enqueue(info, list);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_balloon_put);

/* Takes up to @count pages out of a balloon, to @list, and says how many. */
size_t rvirtio_helper_balloon_take(struct balloon_dev_info *info, struct list_head *list, size_t count,
				   bool accounts)
{
	LIST_HEAD(taken);

	count = balloon_page_list_dequeue(info, &taken, count);
	if (accounts)
		account(&taken, 1);
	list_splice(&taken, list);
	return count;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_balloon_take);

/* In a balloon that accounts, @page takes the place of @old, perhaps in another zone. */
void rvirtio_helper_balloon_moved(struct page *page, struct page *old)
{
	unsigned long flags;

	if (page_zone(page) == page_zone(old))
		return;
	spin_lock_irqsave(&accounting, flags);
	adjust_managed_page_count(old, 1);
	adjust_managed_page_count(page, -1);
	spin_unlock_irqrestore(&accounting, flags);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_balloon_moved);

void rvirtio_helper_page_list_add(struct page *page, struct list_head *list)
{
	list_add(&page->lru, list);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_page_list_add);

/* Gives back a reference of each page of @list, which is empty then. */
void rvirtio_helper_page_list_free(struct list_head *list)
{
	struct page *pages[16], *page, *next;
	int count = 0;

	list_for_each_entry_safe(page, next, list, lru) {
		list_del(&page->lru);
		pages[count++] = page;
		if (count == ARRAY_SIZE(pages)) {
			release_pages(pages, count);
			count = 0;
		}
	}
	release_pages(pages, count);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_page_list_free);

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
