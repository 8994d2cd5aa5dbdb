// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <grpc/grpc.h>

#include "illmrec_grpc.h"

/// Metadata to send; owns its strings. Zeroed memory is an empty list.
typedef struct {
  grpc_metadata *entries;
  size_t count;
  size_t capacity;
} metadata_list;

/// Adds copies of both; returns false, adding nothing, when HTTP/2 does not allow the key or the value.
bool metadata_list_add(metadata_list *list, const char *key, size_t key_count, const void *value, size_t value_count);
void metadata_list_destroy(metadata_list *list);

/// Received metadata as the public header shows it.
const illmrec_metadata *metadata_view(const grpc_metadata_array *array);
