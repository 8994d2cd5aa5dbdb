// SPDX-License-Identifier: Apache-2.0

#include "tls.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "connections.h"
#include "objects.h"
#include "pem_files.h"

struct tls_server {
  /// Whose connections they are; NULL where they are not guarded.
  connection_guard *guard;
  illmrec_tls_files files;
  illmrec_tls_changed changed;
  void (*forget)(void *context);
  void *context;
  /// Core asks on any queue thread.
  pthread_mutex_t mutex;
  /// What is in use; empty before the first load.
  pem_texts texts;
  /// Of the files when they were last read.
  pem_stamp read;
  /// Of the files that were last refused, to be reported once.
  pem_stamp refused;
};

static const char *copy(const char *text) { return text == NULL ? NULL : strdup(text); }

tls_server *tls_server_create(const illmrec_tls_files *files, connection_guard *guard, illmrec_tls_changed changed,
                              void (*forget)(void *context), void *context) {
  tls_server *server = allocate(1, sizeof *server);
  server->guard = guard;
  server->files = (illmrec_tls_files){
      .certificate = copy(files->certificate), .key = copy(files->key), .authorities = copy(files->authorities)};
  server->changed = changed;
  server->forget = forget;
  server->context = context;
  pthread_mutex_init(&server->mutex, NULL);
  return server;
}

void tls_server_destroy(tls_server *server) {
  server->forget(server->context);
  pthread_mutex_destroy(&server->mutex);
  pem_texts_destroy(&server->texts);
  free((char *)server->files.certificate);
  free((char *)server->files.key);
  free((char *)server->files.authorities);
  free(server);
}

static bool has_loaded(const tls_server *server) { return server->texts.certificate != NULL; }

/// The old files serve on while their successors are being written or do not fit each other.
static grpc_ssl_certificate_config_reload_status refuse(tls_server *server, const pem_stamp *stamp,
                                                        const char *problem) {
  bool is_reported = pem_stamp_equal(stamp, &server->refused);
  server->refused = *stamp;
  if (!is_reported && has_loaded(server)) server->changed(server->context, problem);
  return has_loaded(server) ? GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED : GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
}

/// With the mutex.
static grpc_ssl_certificate_config_reload_status follow(tls_server *server,
                                                        grpc_ssl_server_certificate_config **config) {
  pem_stamp now = pem_stamp_take(&server->files);
  if (pem_stamp_equal(&now, &server->read) && pem_stamp_is_settled(&now)) {
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
  }
  server->read = now;
  pem_texts texts;
  char problem[1024];
  if (!pem_texts_read(&texts, &server->files, problem, sizeof problem)) return refuse(server, &now, problem);
  if (has_loaded(server) && pem_texts_equal(&texts, &server->texts)) {
    pem_texts_destroy(&texts);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
  }
  grpc_ssl_pem_key_cert_pair pair = {.private_key = texts.key, .cert_chain = texts.certificate};
  // Core insists on authorities; where clients are not asked for a certificate it never uses them.
  const char *authorities = texts.authorities == NULL ? texts.certificate : texts.authorities;
  *config = grpc_ssl_server_certificate_config_create(authorities, &pair, 1);
  if (has_loaded(server)) server->changed(server->context, NULL);
  pem_texts_destroy(&server->texts);
  server->texts = texts;
  return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

/// Core asks once for the port and at each connection, whose SSL it makes on the same thread right after that.
static grpc_ssl_certificate_config_reload_status fetch(void *context, grpc_ssl_server_certificate_config **config) {
  tls_server *server = context;
  pthread_mutex_lock(&server->mutex);
  grpc_ssl_certificate_config_reload_status status = follow(server, config);
  pthread_mutex_unlock(&server->mutex);
  connection_guard_expect_ssl(status == GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL ? NULL : server->guard);
  return status;
}

grpc_server_credentials *tls_server_credentials(tls_server *server) {
  grpc_ssl_client_certificate_request_type clients = server->files.authorities == NULL
                                                         ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                         : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  return grpc_ssl_server_credentials_create_with_options(
      grpc_ssl_server_credentials_create_options_using_config_fetcher(clients, fetch, server));
}

grpc_channel_credentials *tls_channel_credentials(const illmrec_tls_files *files) {
  enum { REFRESH_SECONDS = 1 };
  grpc_tls_certificate_provider *provider = grpc_tls_certificate_provider_file_watcher_create(
      files->key, files->certificate, files->authorities, REFRESH_SECONDS);
  grpc_tls_credentials_options *options = grpc_tls_credentials_options_create();
  grpc_tls_credentials_options_set_certificate_provider(options, provider);
  grpc_tls_certificate_provider_release(provider);
  grpc_tls_credentials_options_watch_root_certs(options);
  if (files->certificate != NULL) grpc_tls_credentials_options_watch_identity_key_cert_pairs(options);
  return grpc_tls_credentials_create(options);
}
