// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <grpc/grpc.h>

#include "illmrec_grpc.h"

/// Core's form of `arguments`, whose strings it borrows. The caller owns it.
grpc_channel_args arguments_create(const illmrec_argument *arguments, size_t count);
/// A further argument, for the caller to fill in; there is room for two.
grpc_arg *arguments_next(grpc_channel_args *arguments);
void arguments_destroy(grpc_channel_args arguments);
