// SPDX-License-Identifier: Apache-2.0

// The reader of HTTP/2 frames under any bytes: what it says and hides does not depend on how they arrive, and without
// hiding it changes none.

#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "illmrec_http2_frames.h"

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

typedef struct {
  illmrec_frame_reader reader;
  illmrec_frames_verdict verdict;
  uint8_t *bytes;
} outcome;

/// Takes a copy of the bytes in pieces of 1 to `piece`.
static outcome take(const uint8_t *bytes, size_t count, size_t piece, bool hides) {
  const illmrec_frame_limits limits = {.header_block_bytes = 4096, .idle_frames_per_second = 40};
  outcome out = {.bytes = malloc(count)};
  memcpy(out.bytes, bytes, count);
  for (size_t at = 0, length = 1; at < count && out.verdict == ILLMREC_FRAMES_FINE; at += length) {
    length = piece == count ? count : 1 + at * 7 % piece;
    if (length > count - at) length = count - at;
    out.verdict = illmrec_frame_reader_take(&out.reader, &limits, hides, out.bytes + at, length, 1000);
  }
  return out;
}

static void compare(const uint8_t *bytes, size_t count, bool hides) {
  outcome whole = take(bytes, count, count, hides);
  for (size_t piece = 1; piece <= 13; piece += 6) {
    outcome parts = take(bytes, count, piece, hides);
    fuzz_require(whole.verdict == parts.verdict, "the verdict does not depend on how bytes arrive");
    if (whole.verdict == ILLMREC_FRAMES_FINE) {
      fuzz_require(memcmp(whole.bytes, parts.bytes, count) == 0, "nor do the frames that are hidden");
      // Of what is no HTTP/2 nothing more is read.
      fuzz_require(whole.reader.is_passive == parts.reader.is_passive, "nor whether it is HTTP/2");
      fuzz_require(whole.reader.is_passive || memcmp(&whole.reader, &parts.reader, sizeof whole.reader) == 0,
                   "nor what is expected next");
    }
    free(parts.bytes);
  }
  if (!hides) fuzz_require(memcmp(whole.bytes, bytes, count) == 0, "bytes are left as they are");
  free(whole.bytes);
}

void fuzz_one(const uint8_t *bytes, size_t count) {
  if (count == 0) return;
  // Most inputs are of use behind the preface alone.
  size_t before = bytes[0] % 8 == 0 ? 0 : sizeof preface - 1;
  uint8_t *stream = malloc(before + count);
  memcpy(stream, preface, before);
  memcpy(stream + before, bytes, count);
  compare(stream, before + count, false);
  compare(stream, before + count, true);
  free(stream);
}

void fuzz_make_seeds(void) {
  static const uint8_t frames[] = {
      0, 0, 0, 4, 0, 0, 0, 0, 0,                                 // SETTINGS
      0, 0, 3, 1, 0, 0, 0, 0, 1, 'a', 'b', 'c',                  // HEADERS, to be continued
      0, 0, 2, 9, 4, 0, 0, 0, 1, 'd', 'e',                       // CONTINUATION, the last
      0, 0, 5, 0, 1, 0, 0, 0, 1, 0,   0,   0,   0, 0,            // DATA, the last of its stream
      0, 0, 4, 3, 0, 0, 0, 0, 1, 0,   0,   0,   8,               // RST_STREAM
      0, 0, 8, 6, 0, 0, 0, 0, 0, 1,   2,   3,   4, 5,  6, 7, 8,  // PING
      0, 0, 5, 2, 0, 0, 0, 0, 3, 0,   0,   0,   0, 16,           // PRIORITY
  };
  fuzz_seed("frames", frames, sizeof frames);
  fuzz_seed("preface", preface, sizeof preface - 1);
}
