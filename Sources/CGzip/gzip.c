// SPDX-License-Identifier: Apache-2.0

#include "illmrec_gzip.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

/// zlib's default of 8 KiB means a system call for every few lines.
enum { BUFFER_BYTES = 256 << 10 };

struct illmrec_gzip {
  gzFile file;
};

illmrec_gzip *illmrec_gzip_open(const char *path, illmrec_gzip_status *status, int *error) {
  illmrec_gzip *gzip = calloc(1, sizeof *gzip);
  *status = ILLMREC_GZIP_NO_MEMORY;
  *error = 0;
  if (gzip == NULL) return NULL;
  errno = 0;
  gzip->file = gzopen(path, "rbe");
  if (gzip->file == NULL) {
    *error = errno;
    if (errno != 0) *status = ILLMREC_GZIP_SYSTEM;
    free(gzip);
    return NULL;
  }
  gzbuffer(gzip->file, BUFFER_BYTES);
  *status = ILLMREC_GZIP_OK;
  return gzip;
}

static illmrec_gzip_status failure(illmrec_gzip *gzip, int *error) {
  int code = Z_OK;
  gzerror(gzip->file, &code);
  switch (code) {
    case Z_BUF_ERROR:
      return ILLMREC_GZIP_TRUNCATED;
    case Z_MEM_ERROR:
      return ILLMREC_GZIP_NO_MEMORY;
    case Z_ERRNO:
      *error = errno;
      return ILLMREC_GZIP_SYSTEM;
    default:
      return ILLMREC_GZIP_CORRUPT;
  }
}

illmrec_gzip_status illmrec_gzip_read(illmrec_gzip *gzip, uint8_t *bytes, size_t capacity, size_t *count, int *error) {
  *count = 0;
  *error = 0;
  while (*count < capacity) {
    const size_t rest = capacity - *count;
    const int read = gzread(gzip->file, bytes + *count, rest > 1u << 30 ? 1u << 30 : (unsigned)rest);
    if (read < 0) return failure(gzip, error);
    if (read == 0) break;
    *count += (size_t)read;
  }
  if (*count == capacity) return ILLMREC_GZIP_OK;
  // At the end gzread hands out what it has; only the error state tells a cut stream from a whole one.
  int code = Z_OK;
  gzerror(gzip->file, &code);
  return code == Z_OK || code == Z_STREAM_END ? ILLMREC_GZIP_OK : failure(gzip, error);
}

int64_t illmrec_gzip_offset(illmrec_gzip *gzip) { return (int64_t)gzoffset(gzip->file); }

void illmrec_gzip_close(illmrec_gzip *gzip) {
  if (gzip == NULL) return;
  gzclose_r(gzip->file);
  free(gzip);
}

uint32_t illmrec_crc32(uint32_t crc, const void *bytes, size_t count) { return (uint32_t)crc32_z(crc, bytes, count); }

/// zlib counts what it is given in 32 bits.
static unsigned portion(size_t rest) { return rest > 1u << 30 ? 1u << 30 : (unsigned)rest; }

int illmrec_inflate_deflated(const void *bytes, size_t count, void *out, size_t out_count) {
  z_stream stream = {.next_in = (z_const Bytef *)bytes, .next_out = out};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return 0;
  int code = Z_OK;
  while (code == Z_OK) {
    if (stream.avail_in == 0) {
      stream.avail_in = portion(count);
      count -= stream.avail_in;
    }
    if (stream.avail_out == 0) {
      stream.avail_out = portion(out_count);
      out_count -= stream.avail_out;
    }
    code = inflate(&stream, Z_NO_FLUSH);
  }
  const int is_whole = code == Z_STREAM_END && stream.avail_out == 0 && out_count == 0;
  inflateEnd(&stream);
  return is_whole;
}
