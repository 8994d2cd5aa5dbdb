// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What one connection's client may send; 0 is no limit.
typedef struct {
  /// Bytes of one header block: a HEADERS frame and the CONTINUATIONs after it, as they are on the wire.
  uint32_t header_block_bytes;
  /// Frames a second that make work and carry nothing, on average over five seconds: streams that are reset as soon as they are
  /// opened, pings, settings, priorities, empty data.
  uint32_t idle_frames_per_second;
} illmrec_frame_limits;

/// Reads what an HTTP/2 client sends far enough to know its frames. A pure state machine: it owns nothing, and zeroed memory is the
/// beginning of a connection.
typedef struct {
  uint32_t preface_taken;
  uint8_t head[9];
  uint32_t head_taken;
  /// Bytes of the frame under way that are still to come.
  uint32_t payload_left;
  /// Of the header block under way.
  uint32_t block_bytes;
  /// Whether core does not get to see that block.
  bool hides_block;
  bool is_passive;
  /// Allowance of idle frames, in thousandths, and when it was last added to.
  int64_t allowance;
  int64_t added_at_ms;
  /// Streams from this one on were opened in the last moments.
  uint32_t recent_stream;
  uint32_t newest_generation;
  uint32_t newest_stream;
  int64_t generation_began_ms;
} illmrec_frame_reader;

typedef enum {
  ILLMREC_FRAMES_FINE = 0,
  ILLMREC_FRAMES_HEADER_BLOCK_TOO_LARGE = 1,
  ILLMREC_FRAMES_TOO_MANY_IDLE = 2,
} illmrec_frames_verdict;

/// Takes the next bytes; after another verdict than ILLMREC_FRAMES_FINE the connection is to be closed.
///
/// With `hides_new_streams` header blocks that begin in these bytes are made frames of a kind that HTTP/2 does not know, which their
/// reader has to skip: in `bytes`, and from then on until a block begins without it.
illmrec_frames_verdict illmrec_frame_reader_take(illmrec_frame_reader *reader, const illmrec_frame_limits *limits,
                                                 bool hides_new_streams, uint8_t *bytes, size_t count, int64_t now_ms);

#ifdef __cplusplus
}
#endif
