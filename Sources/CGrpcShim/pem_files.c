// SPDX-License-Identifier: Apache-2.0

#include "pem_files.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "objects.h"

/// Certificates and keys are a few KiB, a bundle of all public authorities is 200 KiB.
enum { MAX_FILE_BYTES = 4 << 20 };

typedef struct {
  char *text;
  size_t capacity;
} problem_text;

/// Always false.
static bool fail(problem_text problem, const char *path, const char *what) {
  snprintf(problem.text, problem.capacity, "%s %s", path, what);
  return false;
}

static bool read_file(const char *path, char **out, problem_text problem) {
  FILE *file = fopen(path, "re");
  if (file == NULL) {
    snprintf(problem.text, problem.capacity, "%s cannot be read: %s", path, strerror(errno));
    return false;
  }
  char *text = allocate(MAX_FILE_BYTES + 1, 1);
  size_t count = fread(text, 1, MAX_FILE_BYTES + 1, file);
  bool is_read = !ferror(file);
  fclose(file);
  if (is_read && count <= MAX_FILE_BYTES) {
    text[count] = 0;
    *out = realloc(text, count + 1);
    return true;
  }
  free(text);
  return fail(problem, path, is_read ? "is larger than 4 MiB" : "cannot be read");
}

/// Keys are used by machines, which have no passphrase to give; without this OpenSSL would ask at the terminal.
static int no_passphrase(char *buffer, int size, int is_writing, void *context) {
  (void)buffer, (void)size, (void)is_writing, (void)context;
  return -1;
}

static BIO *reader(const char *text) { return BIO_new_mem_buf(text, -1); }

static X509 *first_certificate(const char *text) {
  BIO *bio = reader(text);
  X509 *certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
  BIO_free(bio);
  return certificate;
}

static bool check_pair(const pem_texts *texts, const illmrec_tls_files *files, problem_text problem) {
  X509 *certificate = first_certificate(texts->certificate);
  BIO *bio = reader(texts->key);
  EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
  BIO_free(bio);
  bool holds = true;
  if (certificate == NULL) {
    holds = fail(problem, files->certificate, "holds no certificate in PEM form");
  } else if (key == NULL) {
    holds = fail(problem, files->key, "holds no private key in PEM form without a passphrase");
  } else if (X509_check_private_key(certificate, key) != 1) {
    snprintf(problem.text, problem.capacity, "%s is not the key of the first certificate in %s", files->key,
             files->certificate);
    holds = false;
  }
  X509_free(certificate);
  EVP_PKEY_free(key);
  return holds;
}

static bool check_authorities(const pem_texts *texts, const illmrec_tls_files *files, problem_text problem) {
  X509 *certificate = first_certificate(texts->authorities);
  bool holds = certificate != NULL;
  X509_free(certificate);
  return holds || fail(problem, files->authorities, "holds no certificate in PEM form");
}

static bool read_all(pem_texts *texts, const illmrec_tls_files *files, problem_text problem) {
  if (files->certificate != NULL) {
    if (!read_file(files->certificate, &texts->certificate, problem)) return false;
    if (!read_file(files->key, &texts->key, problem)) return false;
    if (!check_pair(texts, files, problem)) return false;
  }
  if (files->authorities == NULL) return true;
  return read_file(files->authorities, &texts->authorities, problem) && check_authorities(texts, files, problem);
}

bool pem_texts_read(pem_texts *texts, const illmrec_tls_files *files, char *problem, size_t capacity) {
  *texts = (pem_texts){0};
  bool is_read = read_all(texts, files, (problem_text){problem, capacity});
  if (!is_read) pem_texts_destroy(texts);
  // What OpenSSL noted of refused files would be taken for a failure of whatever it does next on this thread.
  ERR_clear_error();
  return is_read;
}

void pem_texts_destroy(pem_texts *texts) {
  if (texts->key != NULL) OPENSSL_cleanse(texts->key, strlen(texts->key));
  free(texts->certificate);
  free(texts->key);
  free(texts->authorities);
  *texts = (pem_texts){0};
}

static bool text_equal(const char *a, const char *b) { return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0; }

bool pem_texts_equal(const pem_texts *a, const pem_texts *b) {
  return text_equal(a->certificate, b->certificate) && text_equal(a->key, b->key) &&
         text_equal(a->authorities, b->authorities);
}

bool illmrec_tls_files_check(const illmrec_tls_files *files, char *problem, size_t capacity) {
  pem_texts texts;
  if (!pem_texts_read(&texts, files, problem, capacity)) return false;
  pem_texts_destroy(&texts);
  return true;
}

pem_stamp pem_stamp_take(const illmrec_tls_files *files) {
  pem_stamp stamp = {0};
  const char *paths[] = {files->certificate, files->key, files->authorities};
  for (size_t i = 0; i < 3; i++) {
    struct stat status;
    if (paths[i] == NULL || stat(paths[i], &status) != 0) continue;
    stamp.of[i].device = (uint64_t)status.st_dev;
    stamp.of[i].file = (uint64_t)status.st_ino;
    stamp.of[i].size = (uint64_t)status.st_size;
    stamp.of[i].seconds = status.st_mtim.tv_sec;
    stamp.of[i].nanoseconds = status.st_mtim.tv_nsec;
  }
  return stamp;
}

bool pem_stamp_equal(const pem_stamp *a, const pem_stamp *b) { return memcmp(a, b, sizeof *a) == 0; }

bool pem_stamp_is_settled(const pem_stamp *stamp) {
  enum { SETTLED_AFTER_SECONDS = 2 };
  int64_t newest = 0;
  for (size_t i = 0; i < 3; i++) newest = stamp->of[i].seconds > newest ? stamp->of[i].seconds : newest;
  return newest + SETTLED_AFTER_SECONDS < time(NULL);
}
