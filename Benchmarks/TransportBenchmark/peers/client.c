// SPDX-License-Identifier: Apache-2.0

// Calls Echo over gRPC core with a fixed number of calls in flight and prints what it measured as one line of JSON.
//
//   client PORT IN_FLIGHT PAYLOAD_BYTES WARM_UP_SECONDS SECONDS

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_SAMPLES = 4000000 };

typedef struct {
  grpc_call *call;
  grpc_op operations[6];
  grpc_metadata_array initial_metadata;
  grpc_metadata_array trailing_metadata;
  grpc_byte_buffer *sent;
  grpc_byte_buffer *received;
  grpc_status_code status;
  grpc_slice status_message;
  int64_t started;
} lane;

static grpc_channel *channel;
static grpc_completion_queue *queue;
static void *method;
static grpc_slice request;
static size_t expected_bytes;
static uint32_t *samples;
static size_t sample_count;
static bool is_measuring;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/// An EchoRequest whose field 1 holds `count` bytes.
static grpc_slice make_request(size_t count) {
  uint8_t header[8];
  size_t size = 0;
  header[size++] = 0x0a;
  size_t left = count;
  do {
    header[size++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>= 7;
  } while (left > 0);
  grpc_slice slice = grpc_slice_malloc(size + count);
  memcpy(GRPC_SLICE_START_PTR(slice), header, size);
  memset(GRPC_SLICE_START_PTR(slice) + size, 'x', count);
  return slice;
}

static void start(lane *lane) {
  lane->started = now();
  lane->call = grpc_channel_create_registered_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue, method,
                                                   gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
  lane->sent = grpc_raw_byte_buffer_create(&request, 1);
  lane->received = NULL;
  grpc_metadata_array_init(&lane->initial_metadata);
  grpc_metadata_array_init(&lane->trailing_metadata);
  memset(lane->operations, 0, sizeof lane->operations);
  grpc_op *op = lane->operations;
  op[0].op = GRPC_OP_SEND_INITIAL_METADATA;
  op[1].op = GRPC_OP_SEND_MESSAGE;
  op[1].data.send_message.send_message = lane->sent;
  op[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
  op[3].op = GRPC_OP_RECV_INITIAL_METADATA;
  op[3].data.recv_initial_metadata.recv_initial_metadata = &lane->initial_metadata;
  op[4].op = GRPC_OP_RECV_MESSAGE;
  op[4].data.recv_message.recv_message = &lane->received;
  op[5].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
  op[5].data.recv_status_on_client.trailing_metadata = &lane->trailing_metadata;
  op[5].data.recv_status_on_client.status = &lane->status;
  op[5].data.recv_status_on_client.status_details = &lane->status_message;
  if (grpc_call_start_batch(lane->call, op, 6, lane, NULL) != GRPC_CALL_OK) abort();
}

static void finish(lane *lane) {
  int64_t elapsed = now() - lane->started;
  if (lane->status != GRPC_STATUS_OK || lane->received == NULL ||
      grpc_byte_buffer_length(lane->received) != expected_bytes) {
    fprintf(stderr, "a call failed with status %d\n", lane->status);
    exit(1);
  }
  if (is_measuring && sample_count < MAX_SAMPLES) {
    int64_t sample = elapsed / 100;
    samples[sample_count++] = sample > UINT32_MAX ? UINT32_MAX : (uint32_t)sample;
  }
  grpc_byte_buffer_destroy(lane->sent);
  grpc_byte_buffer_destroy(lane->received);
  grpc_metadata_array_destroy(&lane->initial_metadata);
  grpc_metadata_array_destroy(&lane->trailing_metadata);
  grpc_slice_unref(lane->status_message);
  grpc_call_unref(lane->call);
}

/// Keeps all lanes busy until `end`; returns how many calls completed.
static int64_t run_until(int64_t end) {
  int64_t completed = 0;
  for (;;) {
    grpc_event event = grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    finish(event.tag);
    completed++;
    start(event.tag);
    if ((completed & 15) == 0 && now() >= end) return completed;
  }
}

static int compare(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return a < b ? -1 : a > b;
}

static double percentile(double share) { return samples[(size_t)(share * (double)(sample_count - 1))] / 10.0; }

int main(int argc, char **argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: %s PORT IN_FLIGHT PAYLOAD_BYTES WARM_UP_SECONDS SECONDS\n", argv[0]);
    return 2;
  }
  size_t in_flight = strtoul(argv[2], NULL, 10);
  double warm_up = strtod(argv[4], NULL), seconds = strtod(argv[5], NULL);
  char target[64];
  snprintf(target, sizeof target, "ipv4:127.0.0.1:%s", argv[1]);

  grpc_init();
  grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
  channel = grpc_channel_create(target, credentials, NULL);
  queue = grpc_completion_queue_create_for_next(NULL);
  method = grpc_channel_register_call(channel, "/illmrec.benchmark.v1.EchoService/Echo", NULL, NULL);
  request = make_request(strtoul(argv[3], NULL, 10));
  expected_bytes = GRPC_SLICE_LENGTH(request);
  samples = malloc(MAX_SAMPLES * sizeof *samples);
  lane *lanes = calloc(in_flight, sizeof *lanes);
  if (samples == NULL || lanes == NULL) return 1;

  for (size_t i = 0; i < in_flight; i++) start(&lanes[i]);
  run_until(now() + (int64_t)(warm_up * 1e9));
  printf("measuring\n");
  fflush(stdout);
  is_measuring = true;
  int64_t begin = now();
  int64_t completed = run_until(begin + (int64_t)(seconds * 1e9));
  double elapsed = (double)(now() - begin) / 1e9;
  qsort(samples, sample_count, sizeof *samples, compare);
  printf("{\"calls\": %lld, \"seconds\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", (long long)completed, elapsed,
         percentile(0.5), percentile(0.99));
  // The calls in flight end with the process.
  return 0;
}
