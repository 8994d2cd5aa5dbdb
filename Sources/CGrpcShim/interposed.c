// SPDX-License-Identifier: Apache-2.0

// Core has no place at which to look at what a client sends before core does. But it calls the C library and OpenSSL through
// symbols that a program may define itself. These definitions pass every call on, and look at what came in on connections of a
// server that asked for it; for any other descriptor they cost one look into a table.

#define _GNU_SOURCE
#include "interposed.h"

#include <dlfcn.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connections.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
// The sanitizers define the same symbols.
#define WITHOUT_INTERPOSITION
#endif
#endif

#ifdef WITHOUT_INTERPOSITION

bool interposition_works(void) { return false; }

#else

typedef ssize_t (*recvmsg_function)(int, struct msghdr *, int);
typedef int (*close_function)(int);
typedef int (*accept_function)(int, struct sockaddr *, socklen_t *, int);
typedef SSL *(*ssl_new_function)(SSL_CTX *);
typedef int (*ssl_read_function)(SSL *, void *, int);

static recvmsg_function next_recvmsg;
static close_function next_close;
static accept_function next_accept4;
static ssl_new_function next_ssl_new;
static ssl_read_function next_ssl_read;
/// Where an SSL keeps its reader.
static int reader_index = -1;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_once_t index_once = PTHREAD_ONCE_INIT;

static void free_reader(void *ssl, void *reader, CRYPTO_EX_DATA *data, int index, long number, void *pointer) {
  (void)ssl, (void)data, (void)index, (void)number, (void)pointer;
  if (reader != NULL) tls_reader_destroy(reader);
}

static void find_next(void) {
  next_recvmsg = (recvmsg_function)dlsym(RTLD_NEXT, "recvmsg");
  next_close = (close_function)dlsym(RTLD_NEXT, "close");
  next_accept4 = (accept_function)dlsym(RTLD_NEXT, "accept4");
  next_ssl_new = (ssl_new_function)dlsym(RTLD_NEXT, "SSL_new");
  next_ssl_read = (ssl_read_function)dlsym(RTLD_NEXT, "SSL_read");
}

/// By itself: OpenSSL's own beginnings may close files, which come by here.
static void make_index(void) { reader_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_reader); }

bool interposition_works(void) {
  return dlsym(RTLD_DEFAULT, "recvmsg") == (void *)recvmsg && dlsym(RTLD_DEFAULT, "close") == (void *)close &&
         dlsym(RTLD_DEFAULT, "accept4") == (void *)accept4 && dlsym(RTLD_DEFAULT, "SSL_new") == (void *)SSL_new &&
         dlsym(RTLD_DEFAULT, "SSL_read") == (void *)SSL_read;
}

/// The other side shall not wait for an answer, and the port's side not remember it.
static void close_at_once(int descriptor) {
  struct linger at_once = {.l_onoff = 1};
  setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  next_close(descriptor);
}

/// Descriptors have run out: takes one connection out of the backlog and closes it. False when there is none.
static bool turn_away(connection_guard *guard, int listener) {
  int spare = connection_guard_take_spare(guard);
  if (spare < 0) return false;
  next_close(spare);
  int descriptor = next_accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (descriptor >= 0) close_at_once(descriptor);
  connection_guard_renew_spare(guard);
  return descriptor >= 0;
}

/// Whether the next connection may still be accepted. For core any failure but EAGAIN is the end of listening.
static bool goes_on(connection_guard *guard, int listener) {
  switch (errno) {
    case EMFILE:
    case ENFILE:
      return turn_away(guard, listener);
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
      return true;
    default:
      return false;
  }
}

int accept4(int listener, struct sockaddr *peer, socklen_t *count, int flags) {
  pthread_once(&once, find_next);
  connection_guard *guard = listening_guard(listener);
  if (guard == NULL) return next_accept4(listener, peer, count, flags);
  socklen_t capacity = count == NULL ? 0 : *count;
  for (;;) {
    if (count != NULL) *count = capacity;
    int descriptor = next_accept4(listener, peer, count, flags);
    if (descriptor >= 0 && connection_accepted(guard, descriptor)) return descriptor;
    if (descriptor >= 0) {
      close_at_once(descriptor);
    } else if (!goes_on(guard, listener)) {
      // A socket that is being shut down says EINVAL, which core is to hear.
      if (errno != EINVAL && errno != EBADF) errno = EAGAIN;
      return -1;
    }
  }
}

static bool look(int descriptor, const struct msghdr *message, size_t received) {
  for (size_t i = 0; i < message->msg_iovlen && received > 0; i++) {
    size_t count = message->msg_iov[i].iov_len < received ? message->msg_iov[i].iov_len : received;
    if (!connection_received(descriptor, message->msg_iov[i].iov_base, count)) return false;
    received -= count;
  }
  return true;
}

ssize_t recvmsg(int descriptor, struct msghdr *message, int flags) {
  pthread_once(&once, find_next);
  ssize_t received = next_recvmsg(descriptor, message, flags);
  if (received <= 0 || flags & (MSG_ERRQUEUE | MSG_PEEK) || !connection_is_watched(descriptor)) return received;
  if (look(descriptor, message, (size_t)received)) return received;
  errno = ECONNRESET;
  return -1;
}

int close(int descriptor) {
  pthread_once(&once, find_next);
  connection_closing(descriptor);
  return next_close(descriptor);
}

SSL *SSL_new(SSL_CTX *context) {
  pthread_once(&once, find_next);
  SSL *made = next_ssl_new(context);
  if (made == NULL) return NULL;
  pthread_once(&index_once, make_index);
  tls_reader *reader = tls_reader_create();
  if (reader != NULL && SSL_set_ex_data(made, reader_index, reader) != 1) tls_reader_destroy(reader);
  return made;
}

int SSL_read(SSL *ssl, void *bytes, int capacity) {
  pthread_once(&once, find_next);
  int received = next_ssl_read(ssl, bytes, capacity);
  if (received <= 0 || reader_index < 0) return received;
  tls_reader *reader = SSL_get_ex_data(ssl, reader_index);
  // Core asks why it failed, and finds no reason to try again.
  return reader == NULL || tls_reader_received(reader, bytes, (size_t)received) ? received : -1;
}

#endif
