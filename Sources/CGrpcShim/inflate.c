// SPDX-License-Identifier: Apache-2.0

#include <grpc/slice.h>
#include <stdlib.h>
#include <zlib.h>

#include "bytes.h"

enum {
  SMALLEST_OUTPUT = 1024,
  /// The largest window, and whichever of gzip's and zlib's headers there is.
  ANY_HEADER = 15 + 32,
};

/// What has been inflated so far.
typedef struct {
  uint8_t *bytes;
  size_t capacity;
} output;

/// Doubles the room, to `most` at most; false when there is no memory.
static bool make_room(output *output, size_t most) {
  size_t capacity = output->capacity == 0 ? SMALLEST_OUTPUT : 2 * output->capacity;
  if (capacity > most) capacity = most;
  uint8_t *bytes = realloc(output->bytes, capacity);
  if (bytes == NULL) return false;
  output->bytes = bytes;
  output->capacity = capacity;
  return true;
}

/// Fills `output` to the stream's end, or to the limit and one byte more.
static illmrec_inflation run(z_stream *stream, output *output, size_t limit) {
  for (;;) {
    if (stream->avail_out == 0) {
      if (!make_room(output, limit + 1)) return ILLMREC_INFLATION_TOO_LARGE;
      stream->next_out = output->bytes + stream->total_out;
      stream->avail_out = (uInt)(output->capacity - stream->total_out);
    }
    int result = inflate(stream, Z_NO_FLUSH);
    if (stream->total_out > limit) return ILLMREC_INFLATION_TOO_LARGE;
    if (result == Z_STREAM_END) return stream->avail_in == 0 ? ILLMREC_INFLATION_DONE : ILLMREC_INFLATION_CORRUPT;
    if (result == Z_MEM_ERROR) return ILLMREC_INFLATION_TOO_LARGE;
    // Without room left the stream may go on; with room left all of the input has been read.
    if (result != Z_OK || stream->avail_out != 0) return ILLMREC_INFLATION_CORRUPT;
  }
}

illmrec_inflation illmrec_inflate(const void *bytes, size_t count, size_t limit, illmrec_bytes *out) {
  if (count > INT32_MAX || limit > INT32_MAX) return ILLMREC_INFLATION_TOO_LARGE;
  z_stream stream = {.next_in = (Bytef *)bytes, .avail_in = (uInt)count};
  if (inflateInit2(&stream, ANY_HEADER) != Z_OK) return ILLMREC_INFLATION_TOO_LARGE;
  output output = {0};
  illmrec_inflation result = run(&stream, &output, limit);
  size_t inflated = stream.total_out;
  inflateEnd(&stream);
  if (result != ILLMREC_INFLATION_DONE) {
    free(output.bytes);
    return result;
  }
  // What is left over is given back; a smaller piece cannot fail but by staying as it is.
  uint8_t *fitting = inflated == 0 ? NULL : realloc(output.bytes, inflated);
  *out = bytes_own(fitting == NULL ? output.bytes : fitting, inflated);
  return result;
}
