// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <grpc/support/time.h>
#include <stdint.h>

/// The time that is `timeout_ns` from now; INT64_MAX is for ever.
gpr_timespec deadline_after(int64_t timeout_ns);

/// Nanoseconds from now until `deadline`; INT64_MAX when there is none.
int64_t timeout_until(gpr_timespec deadline);
