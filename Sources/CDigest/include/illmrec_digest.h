// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stddef.h>
#include <stdint.h>

/// SHA-256 over OpenSSL's libcrypto, which uses the CPU's SHA instructions where it has them.

#ifdef __cplusplus
extern "C" {
#endif

/// A running digest. Not thread-safe; owned by the caller until `illmrec_sha256_destroy`.
typedef struct illmrec_sha256 illmrec_sha256;

/// Returns NULL only when memory is exhausted.
illmrec_sha256 *illmrec_sha256_create(void);

/// Adds `count` bytes. Returns 0 on success.
int illmrec_sha256_update(illmrec_sha256 *digest, const void *bytes, size_t count);

/// Writes the 32-byte digest of everything added. No update may follow. Returns 0 on success.
int illmrec_sha256_finish(illmrec_sha256 *digest, uint8_t out[32]);

/// Frees the digest; NULL is allowed.
void illmrec_sha256_destroy(illmrec_sha256 *digest);

/// Writes the HMAC-SHA-256 of a message. Returns 0 on success; fails only when memory is exhausted. Thread-safe.
int illmrec_hmac_sha256(const uint8_t *key, size_t key_count, const uint8_t *message, size_t count, uint8_t out[32]);

#ifdef __cplusplus
}
#endif
