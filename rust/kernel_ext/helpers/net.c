// SPDX-License-Identifier: GPL-2.0
/* The network layer; see helpers.h. */
#include <linux/export.h>

#include "../helpers.h"
