// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <grpc/grpc.h>
#include <stdatomic.h>

#include "illmrec_grpc.h"

struct illmrec_call {
  grpc_call *core;
  illmrec_queue *queue;
  atomic_size_t references;
  atomic_bool is_finished;
};

/// Takes over one reference to `core`; its operations complete on `queue`. The caller owns one reference to the result.
illmrec_call *call_create(grpc_call *core, illmrec_queue *queue);
/// Another reference to the call, which `illmrec_call_release` gives back.
illmrec_call *call_retain(illmrec_call *call);
