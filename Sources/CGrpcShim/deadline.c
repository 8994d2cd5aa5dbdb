// SPDX-License-Identifier: Apache-2.0

#include "deadline.h"

gpr_timespec deadline_after(int64_t timeout_ns) {
  if (timeout_ns == INT64_MAX) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(timeout_ns, GPR_TIMESPAN));
}

int64_t timeout_until(gpr_timespec deadline) {
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) return INT64_MAX;
  gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
  if (left.tv_sec >= INT64_MAX / GPR_NS_PER_SEC - 1) return INT64_MAX;
  return left.tv_sec * (int64_t)GPR_NS_PER_SEC + left.tv_nsec;
}
