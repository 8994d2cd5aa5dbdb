// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "illmrec_grpc.h"

/// What the files of one side hold at a moment, checked. Zeroed memory is nothing.
typedef struct {
  char *certificate;
  char *key;
  char *authorities;
} pem_texts;

/// Reads and checks the files; on failure there is nothing to destroy, and `problem` says why.
bool pem_texts_read(pem_texts *texts, const illmrec_tls_files *files, char *problem, size_t capacity);
void pem_texts_destroy(pem_texts *texts);
/// Of texts that were read from the same files.
bool pem_texts_equal(const pem_texts *a, const pem_texts *b);

/// What changes when one of the files does, as far as their metadata tell.
typedef struct {
  struct {
    uint64_t device, file, size;
    int64_t seconds, nanoseconds;
  } of[3];
} pem_stamp;

/// Stamps of files that are not there are zero. Links are followed, so that a changed link is a change.
pem_stamp pem_stamp_take(const illmrec_tls_files *files);
bool pem_stamp_equal(const pem_stamp *a, const pem_stamp *b);
/// Whether the last change is so long ago that a further one would have another stamp.
bool pem_stamp_is_settled(const pem_stamp *stamp);
