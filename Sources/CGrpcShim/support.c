#include <string.h>

#include "internal.h"

static atomic_int_fast64_t live[LIVE_KINDS];

void live_add(live_kind kind, int64_t difference) {
  atomic_fetch_add_explicit(&live[kind], difference, memory_order_relaxed);
}

illmrec_live_objects illmrec_count_live_objects(void) {
  return (illmrec_live_objects){
      .queues = atomic_load(&live[LIVE_QUEUE]),
      .channels = atomic_load(&live[LIVE_CHANNEL]),
      .servers = atomic_load(&live[LIVE_SERVER]),
      .calls = atomic_load(&live[LIVE_CALL]),
      .batches = atomic_load(&live[LIVE_BATCH]),
      .slots = atomic_load(&live[LIVE_SLOT]),
      .received_messages = atomic_load(&live[LIVE_BYTES]),
  };
}

void *allocate(size_t count, size_t size) {
  // The C library keeps freed small blocks at hand for malloc only, not for calloc.
  void *memory = malloc(count * size);
  if (memory == NULL) abort();
  return memset(memory, 0, count * size);
}

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

grpc_channel_args arguments_create(const illmrec_argument *arguments, size_t count) {
  grpc_channel_args out = {.num_args = count, .args = allocate(count + 1, sizeof(grpc_arg))};
  for (size_t i = 0; i < count; i++) {
    grpc_arg *arg = &out.args[i];
    arg->key = (char *)arguments[i].key;
    if (arguments[i].text != NULL) {
      arg->type = GRPC_ARG_STRING;
      arg->value.string = (char *)arguments[i].text;
    } else {
      arg->type = GRPC_ARG_INTEGER;
      arg->value.integer = arguments[i].number;
    }
  }
  return out;
}

void arguments_destroy(grpc_channel_args arguments) { free(arguments.args); }

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

illmrec_bytes bytes_take(grpc_byte_buffer *buffer) {
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

size_t illmrec_metadata_count(const illmrec_metadata *metadata) {
  return ((const grpc_metadata_array *)(const void *)metadata)->count;
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
