// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stddef.h>
#include <stdint.h>

/// Reading of files that may be gzipped, over zlib. A file that is not gzip is read as it is.

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  ILLMREC_GZIP_OK = 0,
  /// The file cannot be opened or read; `illmrec_gzip_error` is the errno.
  ILLMREC_GZIP_SYSTEM,
  /// The compressed stream ends before its end mark.
  ILLMREC_GZIP_TRUNCATED,
  /// The compressed stream breaks the format, or its checksum differs.
  ILLMREC_GZIP_CORRUPT,
  ILLMREC_GZIP_NO_MEMORY,
} illmrec_gzip_status;

/// An open file. Used by one thread at a time; owned by the caller until `illmrec_gzip_close`.
typedef struct illmrec_gzip illmrec_gzip;

/// Opens a file for reading; NULL on failure, with the reason in `status` and an errno in `error`.
illmrec_gzip *illmrec_gzip_open(const char *path, illmrec_gzip_status *status, int *error);

/// Reads the next `capacity` bytes, fewer only at the end of the file. After a failure the file can only be closed;
/// what was read before the failure was handed out by the calls before.
illmrec_gzip_status illmrec_gzip_read(illmrec_gzip *file, uint8_t *bytes, size_t capacity, size_t *count, int *error);

/// How far the reading is in the file itself, compressed as it lies there: what a progress bar shows.
int64_t illmrec_gzip_offset(illmrec_gzip *file);

/// NULL is allowed.
void illmrec_gzip_close(illmrec_gzip *file);

/// CRC-32 of zip archives: of what `crc` is the CRC of, followed by `bytes`. Start with 0.
uint32_t illmrec_crc32(uint32_t crc, const void *bytes, size_t count);

/// Inflates an entry of a zip archive (RFC 1951, without a header) whose size is known: 1 when the stream ends in order and
/// fills `out` to the last byte.
int illmrec_inflate_deflated(const void *bytes, size_t count, void *out, size_t out_count);

#ifdef __cplusplus
}
#endif
