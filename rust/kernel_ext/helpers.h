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
#include <linux/cpuhotplug.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/hdreg.h>
#include <linux/hw_random.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/oom.h>
#include <linux/page_reporting.h>
#include <linux/pci.h>
#include <linux/rtnetlink.h>
#include <linux/scatterlist.h>
#include <linux/shrinker.h>
#include <linux/spinlock.h>
#include <net/page_pool/helpers.h>

bool rvirtio_helper_request_done(struct request *rq, struct io_comp_batch *batch, bool failed);
int rvirtio_helper_enable_sriov(struct pci_dev *dev, int count);
void rvirtio_helper_disable_sriov(struct pci_dev *dev);
int rvirtio_helper_vfs_assigned(struct pci_dev *dev);
phys_addr_t rvirtio_helper_bvec_phys(const struct bio_vec *bv);
phys_addr_t rvirtio_helper_virt_to_phys(const void *addr);
int rvirtio_helper_dma_mapping_error(struct device *dev, dma_addr_t addr);
bool rvirtio_helper_guest_memory_encrypted(void);
struct device *rvirtio_helper_disk_to_dev(struct gendisk *disk);
void rvirtio_helper_geometry(struct hd_geometry *geo, u16 cylinders, u8 heads, u8 sectors);
void rvirtio_helper_limits_cancel(struct request_queue *q);
void rvirtio_helper_limits_start(struct request_queue *q, struct queue_limits *lim);
void rvirtio_helper_sync_timeouts(struct blk_mq_tag_set *set);

/* CPUs. */

int rvirtio_helper_irq_prefer(unsigned int irq, unsigned int place, bool wait);
unsigned int rvirtio_helper_online_cpus(void);
unsigned int rvirtio_helper_cpu_ids(void);
int rvirtio_helper_cpumask_next(int after, const struct cpumask *mask);

struct rvirtio_cpu_watch {
	struct hlist_node online;
	struct hlist_node dead;
	void (*changed)(struct rvirtio_cpu_watch *watch);
};

int rvirtio_helper_cpu_watches_begin(void);
void rvirtio_helper_cpu_watches_end(void);
int rvirtio_helper_cpu_watch_add(struct rvirtio_cpu_watch *watch);
void rvirtio_helper_cpu_watch_remove(struct rvirtio_cpu_watch *watch);

/* The network layer. */

struct rvirtio_netdev_setup {
	struct device *parent;
	u64 features;
	u64 changeable;
	u64 vlan_features;
	u32 queues;
	u32 mtu;
	u32 max_mtu;
	u16 headroom;
	bool random_address;
	u8 address[ETH_ALEN];
};

/* Of kernel::bindings' napi_struct nobody knows the size. */
struct rvirtio_napi {
	struct napi_struct napi;
};

struct rvirtio_pool_piece {
	struct page *page;
	void *memory;
	dma_addr_t address;
	u32 offset;
	u32 size;
};

struct net_device *rvirtio_helper_netdev_alloc(const struct rvirtio_netdev_setup *setup);
void rvirtio_helper_netdev_attach(struct net_device *dev, const struct net_device_ops *ops,
		const struct ethtool_ops *ethtool, void *object);
void rvirtio_helper_netdev_free(struct net_device *dev);
void *rvirtio_helper_netdev_object(const struct net_device *dev);
void rvirtio_helper_netdev_set_stat_count(struct net_device *dev, u16 count);
u16 rvirtio_helper_netdev_stat_count(const struct net_device *dev);
void rvirtio_helper_netdev_address(const struct net_device *dev, u8 *address);
void rvirtio_helper_netdev_take_away(struct net_device *dev);
void rvirtio_helper_netdev_give_back(struct net_device *dev);
void rvirtio_helper_netdev_set_address(struct net_device *dev, const u8 *address);
unsigned int rvirtio_helper_netdev_flags(const struct net_device *dev);
u64 rvirtio_helper_netdev_features(const struct net_device *dev);
void rvirtio_helper_netdev_vlans(struct net_device *dev, u64 *ids);
unsigned int rvirtio_helper_netdev_addresses(const struct netdev_hw_addr_list *list, u8 *out,
		unsigned int max);
void rvirtio_helper_netdev_spread(struct net_device *dev, unsigned int queues);
void rvirtio_helper_tx_stop(struct net_device *dev, u16 queue);
void rvirtio_helper_tx_hold(struct net_device *dev, u16 queue);
bool rvirtio_helper_tx_wake(struct net_device *dev, u16 queue);
bool rvirtio_helper_tx_sent(struct net_device *dev, u16 queue, unsigned int bytes, bool more);
void rvirtio_helper_tx_completed(struct net_device *dev, u16 queue, unsigned int packets,
		unsigned int bytes);
void rvirtio_helper_tx_stop_all(struct net_device *dev);
void rvirtio_helper_tx_free_all(struct net_device *dev);
bool rvirtio_helper_xmit_more(void);
u16 rvirtio_helper_skb_queue(const struct sk_buff *skb);
unsigned int rvirtio_helper_skb_segment(const struct sk_buff *skb, unsigned int index,
		phys_addr_t *phys);
int rvirtio_helper_skb_prefix(struct sk_buff *skb, phys_addr_t *phys);
int rvirtio_helper_skb_linearize(struct sk_buff *skb);
void rvirtio_helper_skb_depart(struct sk_buff *skb);
int rvirtio_helper_skb_offload(const struct sk_buff *skb, u8 *header);
struct sk_buff *rvirtio_helper_skb_build(void *buffer, unsigned int size, unsigned int headroom,
		unsigned int length);
struct sk_buff *rvirtio_helper_skb_copy(struct napi_struct *napi, const void *data, unsigned int
		length);
bool rvirtio_helper_skb_append(struct napi_struct *napi, struct sk_buff *head, struct sk_buff
		**tail, struct page *page, unsigned int offset, unsigned int length, unsigned int truesize);
int rvirtio_helper_skb_apply(struct sk_buff *skb, struct net_device *dev, const u8 *header);
void rvirtio_helper_napi_receive(struct napi_struct *napi, struct sk_buff *skb, u16 queue);
void rvirtio_helper_napi_add(struct net_device *dev, struct napi_struct *napi, int
		(*poll)(struct napi_struct *, int), bool tx);
void rvirtio_helper_napi_delete(struct napi_struct *napi);
void rvirtio_helper_napi_schedule(struct napi_struct *napi);
struct page_pool *rvirtio_helper_pool_create(struct device *dma, struct napi_struct *napi,
		unsigned int size);
bool rvirtio_helper_pool_take(struct page_pool *pool, struct rvirtio_pool_piece *piece);
void rvirtio_helper_pool_give(struct page *page);
void rvirtio_helper_pool_sync(struct page *page, unsigned int offset, unsigned int length);

/* Locks. */

void rvirtio_helper_spin_lock_bh(spinlock_t *lock);
void rvirtio_helper_spin_unlock_bh(spinlock_t *lock);
bool rvirtio_helper_spin_trylock_bh(spinlock_t *lock);
void rvirtio_helper_synchronize_tasks(void);

/* The memory balloon. */

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
unsigned long rvirtio_helper_balloon_pages(int count, struct page **pages);
size_t rvirtio_helper_balloon_put(struct balloon_dev_info *info, struct list_head *list, bool accounts);
size_t rvirtio_helper_balloon_take(struct balloon_dev_info *info, struct list_head *list, size_t count,
				   bool accounts);
void rvirtio_helper_balloon_moved(struct page *page, struct page *old);
void rvirtio_helper_page_list_add(struct page *page, struct list_head *list);
void rvirtio_helper_page_list_free(struct list_head *list);
struct page *rvirtio_helper_page_list_next(const struct list_head *list, const struct page *page);
unsigned long rvirtio_helper_page_to_pfn(const struct page *page);
void rvirtio_helper_put_page(struct page *page);
phys_addr_t rvirtio_helper_sg_phys(struct scatterlist *sg);
bool rvirtio_helper_free_pages_filled(u8 *value);
void rvirtio_helper_memory_counters(struct rvirtio_memory_counters *counters);
struct page *rvirtio_helper_block_take(void);
void rvirtio_helper_block_give(struct page *page);
void rvirtio_helper_page_set_link(struct page *page, struct page *next);
struct page *rvirtio_helper_page_take_link(struct page *page);

/* Giving memory back. */

struct rvirtio_shrinker {
	struct shrinker *shrinker;
	unsigned long (*count)(const void *object);
	unsigned long (*shrink)(const void *object, unsigned long pages);
	const void *object;
};

int rvirtio_helper_shrinker_register(struct rvirtio_shrinker *own, const char *name);
void rvirtio_helper_shrinker_unregister(struct rvirtio_shrinker *own);

#endif
