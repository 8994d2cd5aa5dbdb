// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <grpc/byte_buffer.h>

#include "illmrec_grpc.h"

/// Wraps the bytes of `buffer`, which it destroys; one copy only when they came in several pieces. The caller owns the
/// result.
illmrec_bytes bytes_take(grpc_byte_buffer *buffer);
