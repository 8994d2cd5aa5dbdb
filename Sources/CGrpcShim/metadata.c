// SPDX-License-Identifier: Apache-2.0

#include "metadata.h"

#include <grpc/slice.h>
#include <stdlib.h>
#include <string.h>

#include "objects.h"

static bool is_legal(grpc_slice key, grpc_slice value) {
  return grpc_header_key_is_legal(key) && (grpc_is_binary_header(key) || grpc_header_nonbin_value_is_legal(value));
}

static void make_room(metadata_list *list) {
  if (list->count < list->capacity) return;
  size_t capacity = list->capacity == 0 ? 4 : 2 * list->capacity;
  grpc_metadata *entries = allocate(capacity, sizeof *entries);
  if (list->count > 0) memcpy(entries, list->entries, list->count * sizeof *entries);
  free(list->entries);
  list->entries = entries;
  list->capacity = capacity;
}

bool metadata_list_add(metadata_list *list, const char *key, size_t key_count, const void *value, size_t value_count) {
  grpc_slice key_slice = grpc_slice_from_copied_buffer(key, key_count);
  grpc_slice value_slice = grpc_slice_from_copied_buffer(value, value_count);
  if (!is_legal(key_slice, value_slice)) {
    grpc_slice_unref(key_slice);
    grpc_slice_unref(value_slice);
    return false;
  }
  make_room(list);
  grpc_metadata *entry = &list->entries[list->count++];
  entry->key = key_slice;
  entry->value = value_slice;
  return true;
}

void metadata_list_destroy(metadata_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    grpc_slice_unref(list->entries[i].key);
    grpc_slice_unref(list->entries[i].value);
  }
  free(list->entries);
}

const illmrec_metadata *metadata_view(const grpc_metadata_array *array) {
  return (const illmrec_metadata *)(const void *)array;
}

size_t illmrec_metadata_count(const illmrec_metadata *metadata) {
  return ((const grpc_metadata_array *)(const void *)metadata)->count;
}

size_t illmrec_metadata_bytes(const illmrec_metadata *metadata) {
  enum { ENTRY_OVERHEAD = 32 };
  const grpc_metadata_array *array = (const grpc_metadata_array *)(const void *)metadata;
  size_t bytes = 0;
  for (size_t i = 0; i < array->count; i++) {
    const grpc_metadata *entry = &array->metadata[i];
    bytes += GRPC_SLICE_LENGTH(entry->key) + GRPC_SLICE_LENGTH(entry->value) + ENTRY_OVERHEAD;
  }
  return bytes;
}

illmrec_metadata_entry illmrec_metadata_at(const illmrec_metadata *metadata, size_t index) {
  const grpc_metadata *entry = &((const grpc_metadata_array *)(const void *)metadata)->metadata[index];
  return (illmrec_metadata_entry){
      .key = (const char *)GRPC_SLICE_START_PTR(entry->key),
      .key_count = GRPC_SLICE_LENGTH(entry->key),
      .value = GRPC_SLICE_START_PTR(entry->value),
      .value_count = GRPC_SLICE_LENGTH(entry->value),
  };
}
