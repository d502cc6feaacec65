// SPDX-License-Identifier: GPL-2.0
/* The memory balloon; see helpers.h. */
#include <linux/export.h>

#include "../helpers.h"
