// SPDX-License-Identifier: Apache-2.0

#include "bytes.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <stdlib.h>
#include <string.h>

#include "objects.h"

_Static_assert(sizeof(illmrec_bytes) == sizeof(grpc_slice), "illmrec_bytes stands for a grpc_slice");
_Static_assert(_Alignof(illmrec_bytes) >= _Alignof(grpc_slice), "illmrec_bytes stands for a grpc_slice");

static illmrec_bytes bytes_from_slice(grpc_slice slice) {
  illmrec_bytes bytes;
  memcpy(&bytes, &slice, sizeof bytes);
  live_add(LIVE_BYTES, 1);
  return bytes;
}

const void *illmrec_bytes_pointer(const illmrec_bytes *bytes) {
  return GRPC_SLICE_START_PTR(*(const grpc_slice *)(const void *)bytes);
}

size_t illmrec_bytes_count(const illmrec_bytes *bytes) {
  return GRPC_SLICE_LENGTH(*(const grpc_slice *)(const void *)bytes);
}

void illmrec_bytes_release(illmrec_bytes *bytes) {
  grpc_slice slice;
  memcpy(&slice, bytes, sizeof slice);
  grpc_slice_unref(slice);
  live_add(LIVE_BYTES, -1);
}

illmrec_bytes bytes_own(void *memory, size_t count) {
  if (count > 0) return bytes_from_slice(grpc_slice_new(memory, count, free));
  free(memory);
  return bytes_from_slice(grpc_empty_slice());
}

illmrec_bytes bytes_take(grpc_byte_buffer *buffer, bool *is_compressed) {
  // Nothing is what core leaves as it is.
  *is_compressed = buffer->data.raw.compression != GRPC_COMPRESS_NONE && grpc_byte_buffer_length(buffer) > 0;
  grpc_byte_buffer_reader reader;
  grpc_slice slice;
  if (grpc_byte_buffer_reader_init(&reader, buffer)) {
    if (buffer->type == GRPC_BB_RAW && buffer->data.raw.slice_buffer.count == 1) {
      grpc_byte_buffer_reader_next(&reader, &slice);
    } else {
      slice = grpc_byte_buffer_reader_readall(&reader);
    }
    grpc_byte_buffer_reader_destroy(&reader);
  } else {
    slice = grpc_empty_slice();
  }
  grpc_byte_buffer_destroy(buffer);
  return bytes_from_slice(slice);
}
