// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <grpc/byte_buffer.h>

#include "illmrec_grpc.h"

/// Wraps the bytes of `buffer`, which it destroys; one copy only when they came in several pieces. Says whether they are
/// compressed. The caller owns the result.
illmrec_bytes bytes_take(grpc_byte_buffer *buffer, bool *is_compressed);

/// Takes over memory from `malloc`, of which `count` bytes are in use. The caller owns the result.
illmrec_bytes bytes_own(void *memory, size_t count);
