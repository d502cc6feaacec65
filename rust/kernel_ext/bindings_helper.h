/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads: the helpers, and constants that are casts in C. */
#include "helpers.h"

const u32 RVIRTIO_FEAT_WRITE_CACHE = (__force u32)BLK_FEAT_WRITE_CACHE;
const u32 RVIRTIO_FEAT_ROTATIONAL = (__force u32)BLK_FEAT_ROTATIONAL;
const u8 RVIRTIO_STS_NOTSUPP = (__force u8)BLK_STS_NOTSUPP;
const u8 RVIRTIO_STS_RESOURCE = (__force u8)BLK_STS_RESOURCE;
const u8 RVIRTIO_STS_IOERR = (__force u8)BLK_STS_IOERR;
const u8 RVIRTIO_STS_DEV_RESOURCE = (__force u8)BLK_STS_DEV_RESOURCE;
const u8 RVIRTIO_STS_ZONE_OPEN = (__force u8)BLK_STS_ZONE_OPEN_RESOURCE;
const u8 RVIRTIO_STS_ZONE_ACTIVE = (__force u8)BLK_STS_ZONE_ACTIVE_RESOURCE;
const u32 RVIRTIO_GFP_NOWARN = (__force u32)__GFP_NOWARN;
