/* SPDX-License-Identifier: GPL-2.0 */
/* The trace events of rvirtio; see Documentation/debugging.md. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM rvirtio

#if !defined(RVIRTIO_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define RVIRTIO_TRACE_H

#include <linux/device.h>
#include <linux/tracepoint.h>

TRACE_EVENT(queue_add,
	TP_PROTO(u32 device, u16 queue, u32 buffer, u16 in_flight),
	TP_ARGS(device, queue, buffer, in_flight),
	TP_STRUCT__entry(
		__field(u32, device)
		__field(u32, buffer)
		__field(u16, queue)
		__field(u16, in_flight)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->buffer = buffer;
		__entry->queue = queue;
		__entry->in_flight = in_flight;
	),
	TP_printk("virtio%u queue=%u buffer=%u in_flight=%u", __entry->device,
		__entry->queue, __entry->buffer, __entry->in_flight)
);

TRACE_EVENT(queue_kick,
	TP_PROTO(u32 device, u16 queue, u32 buffers, bool suppressed),
	TP_ARGS(device, queue, buffers, suppressed),
	TP_STRUCT__entry(
		__field(u32, device)
		__field(u32, buffers)
		__field(u16, queue)
		__field(bool, suppressed)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->buffers = buffers;
		__entry->queue = queue;
		__entry->suppressed = suppressed;
	),
	TP_printk("virtio%u queue=%u buffers=%u suppressed=%d", __entry->device,
		__entry->queue, __entry->buffers, __entry->suppressed)
);

TRACE_EVENT(queue_used,
	TP_PROTO(u32 device, u16 queue, u32 written, u16 in_flight),
	TP_ARGS(device, queue, written, in_flight),
	TP_STRUCT__entry(
		__field(u32, device)
		__field(u32, written)
		__field(u16, queue)
		__field(u16, in_flight)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->written = written;
		__entry->queue = queue;
		__entry->in_flight = in_flight;
	),
	TP_printk("virtio%u queue=%u written=%u in_flight=%u", __entry->device,
		__entry->queue, __entry->written, __entry->in_flight)
);

TRACE_EVENT(queue_interrupt,
	TP_PROTO(u32 device, u16 queue),
	TP_ARGS(device, queue),
	TP_STRUCT__entry(
		__field(u32, device)
		__field(u16, queue)
	),
	TP_fast_assign(
		__entry->device = device;
		__entry->queue = queue;
	),
	TP_printk("virtio%u queue=%u", __entry->device, __entry->queue)
);

TRACE_EVENT(device_reset,
	TP_PROTO(const struct device *dev, int error),
	TP_ARGS(dev, error),
	TP_STRUCT__entry(
		__string(device, dev_name(dev))
		__field(int, error)
	),
	TP_fast_assign(
		__assign_str(device);
		__entry->error = error;
	),
	TP_printk("%s error=%d", __get_str(device), __entry->error)
);

TRACE_EVENT(config_change,
	TP_PROTO(const struct device *dev),
	TP_ARGS(dev),
	TP_STRUCT__entry(
		__string(device, dev_name(dev))
	),
	TP_fast_assign(
		__assign_str(device);
	),
	TP_printk("%s", __get_str(device))
);

TRACE_EVENT(device_broken,
	TP_PROTO(const struct device *dev, const char *reason),
	TP_ARGS(dev, reason),
	TP_STRUCT__entry(
		__string(device, dev_name(dev))
		__string(reason, reason)
	),
	TP_fast_assign(
		__assign_str(device);
		__assign_str(reason);
	),
	TP_printk("%s reason=\"%s\"", __get_str(device), __get_str(reason))
);

#endif /* RVIRTIO_TRACE_H */

/* This part stands outside the guard: define_trace.h reads the file again. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE rvirtio_trace
#include <trace/define_trace.h>
