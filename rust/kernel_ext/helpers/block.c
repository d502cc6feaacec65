// SPDX-License-Identifier: GPL-2.0
/* The block layer; see helpers.h. */
#include <linux/export.h>

#include "../helpers.h"

/*
 * A request that the device is done with: ended on the CPU that submitted it, or
 * in a softirq, if the block layer wants that, else added to the batch. False
 * when it has to be ended by itself.
 */
bool rvirtio_helper_request_done(struct request *rq, struct io_comp_batch *batch, bool failed)
{
	return blk_mq_complete_request_remote(rq) ||
	       blk_mq_add_to_batch(rq, batch, failed, blk_mq_end_request_batch);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_request_done);

phys_addr_t rvirtio_helper_bvec_phys(const struct bio_vec *bv)
{
	return bvec_phys(bv);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_bvec_phys);

struct device *rvirtio_helper_disk_to_dev(struct gendisk *disk)
{
	return disk_to_dev(disk);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_disk_to_dev);

/* To kernel::bindings struct hd_geometry is opaque. */
void rvirtio_helper_geometry(struct hd_geometry *geo, u16 cylinders, u8 heads, u8 sectors)
{
	geo->cylinders = cylinders;
	geo->heads = heads;
	geo->sectors = sectors;
}
EXPORT_SYMBOL_GPL(rvirtio_helper_geometry);

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

/*
 * Waits until nobody looks whether a request is late, and has nobody do so
 * before the next request is started. A look that is under way may start the
 * timer again; when it is over, only the start of a request does, and a timer
 * that fires meanwhile queues nothing.
 */
void rvirtio_helper_sync_timeouts(struct blk_mq_tag_set *set)
{
	struct request_queue *q;

	mutex_lock(&set->tag_list_lock);
	list_for_each_entry(q, &set->tag_list, tag_set_list) {
		disable_work_sync(&q->timeout_work);
		timer_delete_sync(&q->timeout);
		enable_work(&q->timeout_work);
	}
	mutex_unlock(&set->tag_list_lock);
}
EXPORT_SYMBOL_GPL(rvirtio_helper_sync_timeouts);
