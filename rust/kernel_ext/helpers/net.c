// SPDX-License-Identifier: GPL-2.0
/* The network layer; see helpers.h. */
#include <linux/export.h>
#include <linux/if_vlan.h>
#include <linux/virtio_net.h>

#include "../helpers.h"

/* What stands behind a device. */
struct rvirtio_netdev {
	void *object;
	/* Names that the driver said it has, when it was asked last. Under RTNL. */
	u16 stat_count;
};

struct net_device *rvirtio_helper_netdev_alloc(const struct rvirtio_netdev_setup *setup)
{
	struct net_device *dev;

	dev = alloc_etherdev_mqs(sizeof(struct rvirtio_netdev), setup->queues, setup->queues);
	if (!dev)
		return NULL;
	SET_NETDEV_DEV(dev, setup->parent);
	/* No netpoll: queues are locked with softirqs off, which is wrong with interrupts off. */
	dev->priv_flags |= IFF_UNICAST_FLT | IFF_LIVE_ADDR_CHANGE | IFF_TX_SKB_NO_LINEAR |
			   IFF_DISABLE_NETPOLL;
	/* A packet is owned by who sends it. */
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	netif_carrier_off(dev);
	dev->features = setup->features;
	dev->hw_features = setup->changeable;
	dev->vlan_features = setup->vlan_features;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = setup->max_mtu;
	dev->mtu = setup->mtu;
	dev->needed_headroom = setup->headroom;
	if (setup->random_address)
		eth_hw_addr_random(dev);
	else
		eth_hw_addr_set(dev, setup->address);
	return dev;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_netdev_alloc);

void rvirtio_helper_netdev_attach(struct net_device *dev, const struct net_device_ops *ops,
				  const struct ethtool_ops *ethtool, void *object)
{
	struct rvirtio_netdev *own = netdev_priv(dev);

	own->object = object;
	dev->netdev_ops = ops;
	dev->ethtool_ops = ethtool;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_netdev_attach);

/* Of a device that is not registered, or not any more. */
void rvirtio_helper_netdev_free(struct net_device *dev)
{
	unsigned int queue;

	/* Unregistering has done this, but it may never have been registered. */
	cpus_read_lock();
	for (queue = 0; queue < dev->num_tx_queues; queue++)
		__netif_set_xps_queue(dev, cpumask_bits(cpu_none_mask), queue, XPS_CPUS);
	cpus_read_unlock();
	free_netdev(dev);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_netdev_free);

void *rvirtio_helper_netdev_object(const struct net_device *dev)
{
	const struct rvirtio_netdev *own = netdev_priv(dev);

	return own->object;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_netdev_object);

void rvirtio_helper_netdev_set_stat_count(struct net_device *dev, u16 count)
{
	struct rvirtio_netdev *own = netdev_priv(dev);

	own->stat_count = count;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_netdev_set_stat_count);

u16 rvirtio_helper_netdev_stat_count(const struct net_device *dev)
{
	const struct rvirtio_netdev *own = netdev_priv(dev);

	return own->stat_count;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_netdev_stat_count);

void rvirtio_helper_netdev_address(const struct net_device *dev, u8 *address)
{
	ether_addr_copy(address, dev->dev_addr);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_netdev_address);

void rvirtio_helper_netdev_set_address(struct net_device *dev, const u8 *address)
{
	eth_hw_addr_set(dev, address);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_netdev_set_address);

/* Takes the device from its users: when this returns nothing is being sent. Queues of one that is down are left alone: who wakes them? */
void rvirtio_helper_netdev_take_away(struct net_device *dev)
{
	netif_device_detach(dev);
	if (netif_running(dev))
		netif_tx_disable(dev);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_netdev_take_away);

/* Gives the device back to its users. What they wanted to receive meanwhile is heard of again: nobody else would ask. */
void rvirtio_helper_netdev_give_back(struct net_device *dev)
{
	netif_device_attach(dev);
	if (!(dev->flags & IFF_UP))
		return;
	if (!dev_uc_add(dev, dev->dev_addr))
		dev_uc_del(dev, dev->dev_addr);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_netdev_give_back);

unsigned int rvirtio_helper_netdev_flags(const struct net_device *dev)
{
	return READ_ONCE(dev->flags);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_netdev_flags);

u64 rvirtio_helper_netdev_features(const struct net_device *dev)
{
	return dev->features;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_netdev_features);

static int note_vlan(struct net_device *dev, int id, void *ids)
{
	if (id >= 0 && id < VLAN_N_VID)
		((u64 *)ids)[id / 64] |= BIT_ULL(id % 64);
	return 0;
}

/* Sets the bits of the VLANs that there are, of either protocol, in VLAN_N_VID bits. Under RTNL. */
void rvirtio_helper_netdev_vlans(struct net_device *dev, u64 *ids)
{
	vlan_for_each(dev, note_vlan, ids);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_netdev_vlans);

/* Copies up to max addresses of list, and says how many there are. */
unsigned int rvirtio_helper_netdev_addresses(const struct netdev_hw_addr_list *list, u8 *out,
					     unsigned int max)
{
	const struct netdev_hw_addr *address;
	unsigned int count = 0;

	netdev_hw_addr_list_for_each(address, list) {
		if (count < max)
			ether_addr_copy(out + count * ETH_ALEN, address->addr);
		count++;
	}
	return count;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_netdev_addresses);

/* CPU number n of those that are online sends on queue n, counted round. */
void rvirtio_helper_netdev_spread(struct net_device *dev, unsigned int queues)
{
	cpumask_var_t mask;
	unsigned int queue, place, cpu;

	if (!zalloc_cpumask_var(&mask, GFP_KERNEL))
		return;
	cpus_read_lock();
	for (queue = 0; queue < queues; queue++) {
		cpumask_clear(mask);
		place = 0;
		for_each_online_cpu(cpu)
			if (place++ % queues == queue)
				cpumask_set_cpu(cpu, mask);
		__netif_set_xps_queue(dev, cpumask_bits(mask), queue, XPS_CPUS);
	}
	cpus_read_unlock();
	free_cpumask_var(mask);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_netdev_spread);

void rvirtio_helper_tx_stop(struct net_device *dev, u16 queue)
{
	netif_stop_subqueue(dev, queue);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_tx_stop);

/* From outside of start_xmit(), which is over when this returns. */
void rvirtio_helper_tx_hold(struct net_device *dev, u16 queue)
{
	struct netdev_queue *txq = netdev_get_tx_queue(dev, queue);

	__netif_tx_lock_bh(txq);
	netif_tx_stop_queue(txq);
	__netif_tx_unlock_bh(txq);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_tx_hold);

bool rvirtio_helper_tx_wake(struct net_device *dev, u16 queue)
{
	struct netdev_queue *txq = netdev_get_tx_queue(dev, queue);

	/* Before the device is registered there is nothing to be woken. */
	if (!netif_tx_queue_stopped(txq) || unlikely(!rcu_access_pointer(txq->qdisc)))
		return false;
	netif_tx_wake_queue(txq);
	return true;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_tx_wake);

bool rvirtio_helper_tx_sent(struct net_device *dev, u16 queue, unsigned int bytes, bool more)
{
	return __netdev_tx_sent_queue(netdev_get_tx_queue(dev, queue), bytes, more);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_tx_sent);

void rvirtio_helper_tx_completed(struct net_device *dev, u16 queue, unsigned int packets,
				 unsigned int bytes)
{
	struct netdev_queue *txq = netdev_get_tx_queue(dev, queue);

	if (likely(rcu_access_pointer(txq->qdisc)))
		netdev_tx_completed_queue(txq, packets, bytes);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_tx_completed);

void rvirtio_helper_tx_stop_all(struct net_device *dev)
{
	netif_tx_disable(dev);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_tx_stop_all);

void rvirtio_helper_tx_free_all(struct net_device *dev)
{
	netif_tx_start_all_queues(dev);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_tx_free_all);

bool rvirtio_helper_xmit_more(void)
{
	return netdev_xmit_more();
}
EXPORT_SYMBOL_GPL(rvirtio_helper_xmit_more);

u16 rvirtio_helper_skb_queue(const struct sk_buff *skb)
{
	return skb_get_queue_mapping(skb);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_skb_queue);

/* Segment index of a packet, zero being the linear part; its length, or zero when there is none. */
unsigned int rvirtio_helper_skb_segment(const struct sk_buff *skb, unsigned int index,
					phys_addr_t *phys)
{
	const skb_frag_t *frag;

	if (!index) {
		*phys = virt_to_phys(skb->data);
		return skb_headlen(skb);
	}
	if (index > skb_shinfo(skb)->nr_frags)
		return 0;
	frag = &skb_shinfo(skb)->frags[index - 1];
	*phys = page_to_phys(skb_frag_page(frag)) + skb_frag_off(frag);
	return skb_frag_size(frag);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_skb_segment);

/*
 * Writes a header for a packet that is in one piece right before it, where that is ours to write. Gives the length of both, and in
 * @phys where they are; -ENOSPC when there is no such room.
 */
int rvirtio_helper_skb_prefix(struct sk_buff *skb, phys_addr_t *phys)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;
	int err;

	if (skb_is_nonlinear(skb) || skb_headroom(skb) < sizeof(hdr) || skb_header_cloned(skb))
		return -ENOSPC;
	err = virtio_net_hdr_from_skb(skb, &hdr.hdr, true, false, 0);
	if (unlikely(err))
		return err;
	hdr.num_buffers = 0;
	memcpy(skb->data - sizeof(hdr), &hdr, sizeof(hdr));
	*phys = virt_to_phys(skb->data - sizeof(hdr));
	return skb->len + sizeof(hdr);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_skb_prefix);

int rvirtio_helper_skb_linearize(struct sk_buff *skb)
{
	return skb_linearize(skb);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_skb_linearize);

/*
 * A packet is about to leave. It may stay in the ring for as long as the device wants, and a namespace is not
 * taken down as long as there are packets with its connections.
 */
void rvirtio_helper_skb_depart(struct sk_buff *skb)
{
	skb_tx_timestamp(skb);
	nf_reset_ct(skb);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_skb_depart);

/* The first ten bytes of a virtio_net_hdr for a packet. */
int rvirtio_helper_skb_offload(const struct sk_buff *skb, u8 *header)
{
	struct virtio_net_hdr hdr;
	int err = virtio_net_hdr_from_skb(skb, &hdr, true, false, 0);

	memcpy(header, &hdr, sizeof(hdr));
	return err;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_skb_offload);

/* A packet in memory of a page pool, which goes with it. */
struct sk_buff *rvirtio_helper_skb_build(void *buffer, unsigned int size, unsigned int headroom,
					 unsigned int length)
{
	struct sk_buff *skb = napi_build_skb(buffer, size);

	if (unlikely(!skb))
		return NULL;
	skb_reserve(skb, headroom);
	skb_put(skb, length);
	skb_mark_for_recycle(skb);
	return skb;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_skb_build);

/* A packet with a copy of length bytes. */
struct sk_buff *rvirtio_helper_skb_copy(struct napi_struct *napi, const void *data,
					unsigned int length)
{
	struct sk_buff *skb = napi_alloc_skb(napi, length);

	if (unlikely(!skb))
		return NULL;
	skb_put_data(skb, data, length);
	return skb;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_skb_copy);

/*
 * Appends memory of a page pool to a packet of skb_build(). tail is the last
 * packet of the list that head becomes when its fragments are used up.
 */
bool rvirtio_helper_skb_append(struct napi_struct *napi, struct sk_buff *head,
			       struct sk_buff **tail, struct page *page, unsigned int offset,
			       unsigned int length, unsigned int truesize)
{
	struct sk_buff *skb = *tail;
	unsigned int frags = skb_shinfo(skb)->nr_frags;

	if (frags == MAX_SKB_FRAGS) {
		struct sk_buff *next = napi_alloc_skb(napi, 0);

		if (unlikely(!next))
			return false;
		skb_mark_for_recycle(next);
		if (skb == head)
			skb_shinfo(head)->frag_list = next;
		else
			skb->next = next;
		head->truesize += next->truesize;
		*tail = skb = next;
		frags = 0;
	}
	skb_add_rx_frag(skb, frags, page, offset, length, truesize);
	if (skb != head) {
		head->len += length;
		head->data_len += length;
		head->truesize += truesize;
	}
	return true;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_skb_append);

/* Behind an Ethernet header with tags of VLANs. */
static void behind_tags(struct sk_buff *skb)
{
	struct ethhdr head;
	const struct ethhdr *eth = skb_header_pointer(skb, 0, sizeof(head), &head);
	int depth;
	__be16 type;

	if (!eth || !eth_type_vlan(eth->h_proto))
		return;
	type = __vlan_get_protocol(skb, eth->h_proto, &depth);
	if (type) {
		skb_set_network_header(skb, depth);
		skb->protocol = type;
	}
}

/* What the device says about checksum and segments, checked against the packet. */
int rvirtio_helper_skb_apply(struct sk_buff *skb, struct net_device *dev, const u8 *header)
{
	struct virtio_net_hdr hdr;

	memcpy(&hdr, header, sizeof(hdr));
	skb->dev = dev;
	/* Segments without a checksum are looked into from there. */
	skb_set_network_header(skb, ETH_HLEN);
	if (hdr.gso_type != VIRTIO_NET_HDR_GSO_NONE && !(hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		behind_tags(skb);
	if (hdr.flags & VIRTIO_NET_HDR_F_DATA_VALID)
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	return virtio_net_hdr_to_skb(skb, &hdr, true);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_skb_apply);

void rvirtio_helper_napi_receive(struct napi_struct *napi, struct sk_buff *skb, u16 queue)
{
	struct net_device *dev = napi->dev;

	/* eth_type_trans() takes the header for granted. */
	if (unlikely(!pskb_may_pull(skb, ETH_HLEN))) {
		dev_kfree_skb_any(skb);
		return;
	}
	/* A queue may be polled that is not in use any more; the stack warns of its number. */
	if (likely(queue < READ_ONCE(dev->real_num_rx_queues)))
		skb_record_rx_queue(skb, queue);
	skb->protocol = eth_type_trans(skb, dev);
	/* GRO moves fragments about, so they have to be its own. */
	if (unlikely(skb_cloned(skb)))
		netif_receive_skb(skb);
	else
		napi_gro_receive(napi, skb);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_napi_receive);

void rvirtio_helper_napi_add(struct net_device *dev, struct napi_struct *napi,
			     int (*poll)(struct napi_struct *, int), bool tx)
{
	if (tx)
		netif_napi_add_tx(dev, napi, poll);
	else
		netif_napi_add(dev, napi, poll);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_napi_add);

void rvirtio_helper_napi_delete(struct napi_struct *napi)
{
	netif_napi_del(napi);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_napi_delete);

void rvirtio_helper_napi_schedule(struct napi_struct *napi)
{
	napi_schedule(napi);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_napi_schedule);

/*
 * A pool of pages, mapped for dma if that is not null. Frees directly while
 * napi polls. The interface is not told: pages may be out when it is freed.
 */
struct page_pool *rvirtio_helper_pool_create(struct device *dma, struct napi_struct *napi,
					     unsigned int size)
{
	struct page_pool_params params = {
		.pool_size = size,
		.nid = NUMA_NO_NODE,
		.napi = napi,
	};

	if (dma) {
		params.dev = dma;
		params.flags = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV;
		params.dma_dir = DMA_FROM_DEVICE;
		params.max_len = PAGE_SIZE;
	}
	return page_pool_create(&params);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_pool_create);

/*
 * Memory of at least the size asked for; it is given back by pool_give(), or
 * with a packet. piece->size is what it really has.
 */
bool rvirtio_helper_pool_take(struct page_pool *pool, struct rvirtio_pool_piece *piece)
{
	struct page *page;

	page = page_pool_alloc(pool, &piece->offset, &piece->size, GFP_ATOMIC | __GFP_NOWARN);
	if (unlikely(!page))
		return false;
	piece->page = page;
	piece->memory = page_address(page) + piece->offset;
	piece->address = pool->dma_map ? page_pool_get_dma_addr(page) + piece->offset :
					 page_to_phys(page) + piece->offset;
	return true;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_pool_take);

void rvirtio_helper_pool_give(struct page *page)
{
	page_pool_put_full_page(pp_page_to_nmdesc(page)->pp, page, false);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_pool_give);

void rvirtio_helper_pool_sync(struct page *page, unsigned int offset, unsigned int length)
{
	struct page_pool *pool = pp_page_to_nmdesc(page)->pp;

	if (pool->dma_map)
		page_pool_dma_sync_for_cpu(pool, page, offset, length);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_pool_sync);
