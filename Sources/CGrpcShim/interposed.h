// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stdbool.h>

/// Whether core's calls of `accept4`, `recvmsg`, `close`, `SSL_new` and `SSL_read` come by here.
bool interposition_works(void);
