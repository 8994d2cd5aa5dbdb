// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Signatures of JSON Web Algorithms (RFC 7518 and RFC 8037) over OpenSSL's libcrypto, for whoever checks them.

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  ILLMREC_RS256,
  ILLMREC_RS384,
  ILLMREC_RS512,
  ILLMREC_PS256,
  ILLMREC_PS384,
  ILLMREC_PS512,
  ILLMREC_ES256,
  ILLMREC_ES384,
  ILLMREC_ES512,
  ILLMREC_EDDSA,
} illmrec_signature_algorithm;

/// A public key. Immutable, and may be used by several threads at a time; owned by the caller until
/// `illmrec_public_key_destroy`.
typedef struct illmrec_public_key illmrec_public_key;

/// Modulus and exponent, big-endian. Returns NULL for what is no RSA key or has fewer than 2048 bits.
illmrec_public_key *illmrec_rsa_key_create(const uint8_t *modulus, size_t modulus_count, const uint8_t *exponent,
                                           size_t exponent_count);

/// A point of P-256, P-384 or P-521, named by the algorithm that uses the curve. Both coordinates have as many bytes as
/// the curve's field: 32, 48 or 66. Returns NULL for what is no point of it.
illmrec_public_key *illmrec_ec_key_create(illmrec_signature_algorithm algorithm, const uint8_t *x, const uint8_t *y,
                                          size_t count);

/// Returns NULL for what is no Ed25519 key.
illmrec_public_key *illmrec_ed25519_key_create(const uint8_t *key, size_t count);

/// Frees the key; NULL is allowed.
void illmrec_public_key_destroy(illmrec_public_key *key);

/// Whether the signature is the key's, of this message, by this algorithm. ECDSA signatures are in the form of RFC 7518:
/// both numbers one after the other. False too for an algorithm of another kind of key.
bool illmrec_public_key_verifies(const illmrec_public_key *key, illmrec_signature_algorithm algorithm,
                                 const uint8_t *message, size_t message_count, const uint8_t *signature,
                                 size_t signature_count);

#ifdef __cplusplus
}
#endif
