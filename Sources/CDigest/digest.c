// SPDX-License-Identifier: Apache-2.0

#include "illmrec_digest.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

struct illmrec_sha256 {
  EVP_MD_CTX *context;
};

illmrec_sha256 *illmrec_sha256_create(void) {
  illmrec_sha256 *digest = calloc(1, sizeof *digest);
  if (digest == NULL) return NULL;
  digest->context = EVP_MD_CTX_new();
  if (digest->context == NULL || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1) {
    illmrec_sha256_destroy(digest);
    return NULL;
  }
  return digest;
}

int illmrec_sha256_update(illmrec_sha256 *digest, const void *bytes, size_t count) {
  return EVP_DigestUpdate(digest->context, bytes, count) == 1 ? 0 : -1;
}

int illmrec_sha256_finish(illmrec_sha256 *digest, uint8_t out[32]) {
  unsigned int length = 0;
  return EVP_DigestFinal_ex(digest->context, out, &length) == 1 && length == 32 ? 0 : -1;
}

void illmrec_sha256_destroy(illmrec_sha256 *digest) {
  if (digest == NULL) return;
  EVP_MD_CTX_free(digest->context);
  free(digest);
}

int illmrec_hmac_sha256(const uint8_t *key, size_t key_count, const uint8_t *message, size_t count, uint8_t out[32]) {
  unsigned int length = 0;
  if (key_count > INT_MAX) return -1;
  return HMAC(EVP_sha256(), key, (int)key_count, message, count, out, &length) != NULL && length == 32 ? 0 : -1;
}
