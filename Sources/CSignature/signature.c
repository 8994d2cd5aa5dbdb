// SPDX-License-Identifier: Apache-2.0

#include "illmrec_signature.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_RSA_BITS = 2048, MAX_RSA_BYTES = 2048, MAX_FIELD_BYTES = 66 };

typedef enum { RSA_KEY, EC_KEY_P256, EC_KEY_P384, EC_KEY_P521, ED25519_KEY } key_kind;

struct illmrec_public_key {
  EVP_PKEY *key;
  key_kind kind;
};

typedef struct {
  key_kind kind;
  bool has_pss;
  /// NULL where the algorithm digests by itself.
  const EVP_MD *(*digest)(void);
} scheme;

static const scheme schemes[] = {
    [ILLMREC_RS256] = {RSA_KEY, false, EVP_sha256},     [ILLMREC_RS384] = {RSA_KEY, false, EVP_sha384},
    [ILLMREC_RS512] = {RSA_KEY, false, EVP_sha512},     [ILLMREC_PS256] = {RSA_KEY, true, EVP_sha256},
    [ILLMREC_PS384] = {RSA_KEY, true, EVP_sha384},      [ILLMREC_PS512] = {RSA_KEY, true, EVP_sha512},
    [ILLMREC_ES256] = {EC_KEY_P256, false, EVP_sha256}, [ILLMREC_ES384] = {EC_KEY_P384, false, EVP_sha384},
    [ILLMREC_ES512] = {EC_KEY_P521, false, EVP_sha512}, [ILLMREC_EDDSA] = {ED25519_KEY, false, NULL},
};

static size_t field_bytes(key_kind kind) { return kind == EC_KEY_P256 ? 32 : kind == EC_KEY_P384 ? 48 : 66; }

static const char *curve_name(key_kind kind) {
  return kind == EC_KEY_P256 ? "P-256" : kind == EC_KEY_P384 ? "P-384" : "P-521";
}

/// Whether the key is one by the rules of its kind: a point of its curve that is not the neutral one, an odd modulus.
static bool is_sound(EVP_PKEY *key) {
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
  bool holds = context != NULL && EVP_PKEY_public_check(context) == 1;
  EVP_PKEY_CTX_free(context);
  return holds;
}

/// Takes over the key. What OpenSSL noted of a refused one would be taken for a failure of what it does next.
static illmrec_public_key *wrap(EVP_PKEY *key, key_kind kind) {
  illmrec_public_key *wrapped = key != NULL && is_sound(key) ? malloc(sizeof *wrapped) : NULL;
  ERR_clear_error();
  if (wrapped == NULL) {
    EVP_PKEY_free(key);
    return NULL;
  }
  *wrapped = (illmrec_public_key){.key = key, .kind = kind};
  return wrapped;
}

static EVP_PKEY *key_of(const char *type, OSSL_PARAM_BLD *builder) {
  EVP_PKEY *key = NULL;
  OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
  bool is_made = parameters != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
                 EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) == 1;
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  return is_made ? key : NULL;
}

illmrec_public_key *illmrec_rsa_key_create(const uint8_t *modulus, size_t modulus_count, const uint8_t *exponent,
                                           size_t exponent_count) {
  if (modulus_count > MAX_RSA_BYTES || exponent_count == 0 || exponent_count > 8) return NULL;
  BIGNUM *n = BN_bin2bn(modulus, (int)modulus_count, NULL);
  BIGNUM *e = BN_bin2bn(exponent, (int)exponent_count, NULL);
  EVP_PKEY *key = NULL;
  OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
  if (n != NULL && e != NULL && builder != NULL && BN_num_bits(n) >= MIN_RSA_BITS && BN_is_odd(e) && !BN_is_one(e) &&
      OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
      OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1) {
    key = key_of("RSA", builder);
  }
  OSSL_PARAM_BLD_free(builder);
  BN_free(n);
  BN_free(e);
  return wrap(key, RSA_KEY);
}

illmrec_public_key *illmrec_ec_key_create(illmrec_signature_algorithm algorithm, const uint8_t *x, const uint8_t *y,
                                          size_t count) {
  scheme scheme = schemes[algorithm];
  if (scheme.kind == RSA_KEY || scheme.kind == ED25519_KEY || count != field_bytes(scheme.kind)) return NULL;
  uint8_t point[1 + 2 * MAX_FIELD_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
  memcpy(point + 1, x, count);
  memcpy(point + 1 + count, y, count);
  EVP_PKEY *key = NULL;
  OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
  if (builder != NULL &&
      OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve_name(scheme.kind), 0) == 1 &&
      OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * count) == 1) {
    key = key_of("EC", builder);
  }
  OSSL_PARAM_BLD_free(builder);
  return wrap(key, scheme.kind);
}

illmrec_public_key *illmrec_ed25519_key_create(const uint8_t *key, size_t count) {
  return wrap(count == 32 ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, count) : NULL, ED25519_KEY);
}

void illmrec_public_key_destroy(illmrec_public_key *key) {
  if (key == NULL) return;
  EVP_PKEY_free(key->key);
  free(key);
}

/// OpenSSL takes ECDSA signatures in DER. Returns how many bytes they have, 0 for what is none; they are freed by
/// `OPENSSL_free`.
static size_t der_of(key_kind kind, const uint8_t *signature, size_t count, uint8_t **out) {
  size_t half = field_bytes(kind);
  if (count != 2 * half) return 0;
  ECDSA_SIG *numbers = ECDSA_SIG_new();
  BIGNUM *r = BN_bin2bn(signature, (int)half, NULL);
  BIGNUM *s = BN_bin2bn(signature + half, (int)half, NULL);
  if (numbers == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(numbers, r, s) != 1) {
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(numbers);
    return 0;
  }
  int length = i2d_ECDSA_SIG(numbers, out);
  ECDSA_SIG_free(numbers);
  return length > 0 ? (size_t)length : 0;
}

static bool verify(EVP_PKEY *key, const scheme *scheme, const uint8_t *message, size_t message_count,
                   const uint8_t *signature, size_t signature_count) {
  EVP_PKEY_CTX *padding = NULL;
  const EVP_MD *digest = scheme->digest == NULL ? NULL : scheme->digest();
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  bool holds = context != NULL && EVP_DigestVerifyInit(context, &padding, digest, NULL, key) == 1;
  if (holds && scheme->has_pss) {
    holds = EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST) == 1;
  }
  holds = holds && EVP_DigestVerify(context, signature, signature_count, message, message_count) == 1;
  EVP_MD_CTX_free(context);
  return holds;
}

bool illmrec_public_key_verifies(const illmrec_public_key *key, illmrec_signature_algorithm algorithm,
                                 const uint8_t *message, size_t message_count, const uint8_t *signature,
                                 size_t signature_count) {
  scheme scheme = schemes[algorithm];
  if (scheme.kind != key->kind) return false;
  uint8_t *der = NULL;
  bool is_ecdsa = scheme.kind != RSA_KEY && scheme.kind != ED25519_KEY;
  if (is_ecdsa) {
    signature_count = der_of(scheme.kind, signature, signature_count, &der);
    signature = der;
  }
  bool holds = signature_count > 0 && verify(key->key, &scheme, message, message_count, signature, signature_count);
  OPENSSL_free(der);
  ERR_clear_error();
  return holds;
}
