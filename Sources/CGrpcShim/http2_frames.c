// SPDX-License-Identifier: Apache-2.0

#include "illmrec_http2_frames.h"

#include <string.h>

enum { DATA = 0, HEADERS = 1, PRIORITY = 2, RST_STREAM = 3, SETTINGS = 4, PING = 6, CONTINUATION = 9 };
/// A kind that no extension of HTTP/2 has taken.
enum { HIDDEN = 0xfb };
/// Where a frame's head says its kind.
enum { KIND = 3 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };
enum {
  /// A stream that is reset within this time of its beginning was not worth beginning.
  GENERATION_MS = 20,
  BURST_SECONDS = 5,
};

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Not HTTP/2, which core will find out by itself: nothing to be read here.
static size_t take_preface(illmrec_frame_reader *reader, const uint8_t *bytes, size_t count) {
  size_t left = sizeof preface - 1 - reader->preface_taken;
  size_t taken = count < left ? count : left;
  if (memcmp(bytes, preface + reader->preface_taken, taken) != 0) reader->is_passive = true;
  reader->preface_taken += (uint32_t)taken;
  return taken;
}

static illmrec_frames_verdict spend(illmrec_frame_reader *reader, const illmrec_frame_limits *limits, int64_t now_ms) {
  if (limits->idle_frames_per_second == 0) return ILLMREC_FRAMES_FINE;
  int64_t rate = limits->idle_frames_per_second;
  int64_t most = rate * BURST_SECONDS * 1000;
  int64_t gained = reader->added_at_ms == 0 ? most : (now_ms - reader->added_at_ms) * rate;
  reader->added_at_ms = now_ms;
  reader->allowance = reader->allowance + gained > most ? most : reader->allowance + gained;
  if (reader->allowance < 1000) return ILLMREC_FRAMES_TOO_MANY_IDLE;
  reader->allowance -= 1000;
  return ILLMREC_FRAMES_FINE;
}

/// Stream numbers ascend, so two boundaries tell which streams are young: those of this generation and of the one before it.
static void age(illmrec_frame_reader *reader, int64_t now_ms) {
  int64_t passed = now_ms - reader->generation_began_ms;
  if (passed < GENERATION_MS) return;
  uint32_t next = reader->newest_stream + 1;
  reader->recent_stream = passed < 2 * GENERATION_MS ? reader->newest_generation : next;
  reader->newest_generation = next;
  reader->generation_began_ms = now_ms;
}

static illmrec_frames_verdict begin_block(illmrec_frame_reader *reader, const illmrec_frame_limits *limits,
                                          uint32_t length) {
  reader->block_bytes += length;
  bool is_within = limits->header_block_bytes == 0 || reader->block_bytes <= limits->header_block_bytes;
  return is_within ? ILLMREC_FRAMES_FINE : ILLMREC_FRAMES_HEADER_BLOCK_TOO_LARGE;
}

static illmrec_frames_verdict begin_frame(illmrec_frame_reader *reader, const illmrec_frame_limits *limits,
                                          int64_t now_ms) {
  const uint8_t *head = reader->head;
  uint32_t length = (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2];
  uint8_t kind = head[KIND], flags = head[4];
  uint32_t stream = ((uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8]) & 0x7fffffff;
  reader->payload_left = length;
  reader->head_taken = 0;
  switch (kind) {
    case HEADERS:
      age(reader, now_ms);
      // Trailers of a stream are headers too.
      if (stream > reader->newest_stream) reader->newest_stream = stream;
      reader->block_bytes = 0;
      return begin_block(reader, limits, length);
    case CONTINUATION:
      // An empty one costs a frame's work and never fills the block.
      if (length == 0 && spend(reader, limits, now_ms) != ILLMREC_FRAMES_FINE) return ILLMREC_FRAMES_TOO_MANY_IDLE;
      return begin_block(reader, limits, length);
    case RST_STREAM:
      age(reader, now_ms);
      return stream >= reader->recent_stream ? spend(reader, limits, now_ms) : ILLMREC_FRAMES_FINE;
    case DATA:
      return length == 0 && !(flags & END_STREAM) ? spend(reader, limits, now_ms) : ILLMREC_FRAMES_FINE;
    case SETTINGS:
    case PING:
      return flags & ACK ? ILLMREC_FRAMES_FINE : spend(reader, limits, now_ms);
    case PRIORITY:
      return spend(reader, limits, now_ms);
    default:
      return ILLMREC_FRAMES_FINE;
  }
}

static void hide(illmrec_frame_reader *reader, bool hides_new_streams, uint8_t *kind) {
  if (*kind == HEADERS) reader->hides_block = hides_new_streams;
  if (reader->hides_block && (*kind == HEADERS || *kind == CONTINUATION)) *kind = HIDDEN;
}

static size_t take_head(illmrec_frame_reader *reader, bool hides_new_streams, uint8_t *bytes, size_t count) {
  size_t before = reader->head_taken;
  size_t taken = sizeof reader->head - before;
  if (count < taken) taken = count;
  memcpy(reader->head + before, bytes, taken);
  reader->head_taken += (uint32_t)taken;
  if (before <= KIND && before + taken > KIND) hide(reader, hides_new_streams, bytes + KIND - before);
  return taken;
}

illmrec_frames_verdict illmrec_frame_reader_take(illmrec_frame_reader *reader, const illmrec_frame_limits *limits,
                                                 bool hides_new_streams, uint8_t *bytes, size_t count, int64_t now_ms) {
  while (count > 0 && !reader->is_passive) {
    size_t taken;
    if (reader->preface_taken < sizeof preface - 1) {
      taken = take_preface(reader, bytes, count);
    } else if (reader->payload_left > 0) {
      taken = count < reader->payload_left ? count : reader->payload_left;
      reader->payload_left -= (uint32_t)taken;
    } else {
      taken = take_head(reader, hides_new_streams, bytes, count);
      if (reader->head_taken == sizeof reader->head) {
        illmrec_frames_verdict verdict = begin_frame(reader, limits, now_ms);
        if (verdict != ILLMREC_FRAMES_FINE) return verdict;
      }
    }
    bytes += taken;
    count -= taken;
  }
  return ILLMREC_FRAMES_FINE;
}
