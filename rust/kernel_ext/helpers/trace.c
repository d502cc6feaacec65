// SPDX-License-Identifier: GPL-2.0
/*
 * The trace events, and the functions behind their static branches. Generic
 * Rust code, branch and all, is compiled into the module that uses it, so the
 * tracepoints are exported.
 */
#include <linux/export.h>

#define CREATE_TRACE_POINTS
#define CREATE_RUST_TRACE_POINTS
#include "rvirtio_trace.h"

EXPORT_TRACEPOINT_SYMBOL_GPL(queue_add);
EXPORT_TRACEPOINT_SYMBOL_GPL(queue_kick);
EXPORT_TRACEPOINT_SYMBOL_GPL(queue_used);
EXPORT_TRACEPOINT_SYMBOL_GPL(queue_interrupt);
EXPORT_TRACEPOINT_SYMBOL_GPL(device_reset);
EXPORT_TRACEPOINT_SYMBOL_GPL(config_change);
EXPORT_TRACEPOINT_SYMBOL_GPL(device_broken);
