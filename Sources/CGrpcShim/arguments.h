// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <grpc/grpc.h>

#include "illmrec_grpc.h"

/// Core's form of `arguments`, whose strings it borrows. The caller owns it.
grpc_channel_args arguments_create(const illmrec_argument *arguments, size_t count);
void arguments_destroy(grpc_channel_args arguments);
