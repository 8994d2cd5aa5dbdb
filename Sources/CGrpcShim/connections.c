// SPDX-License-Identifier: Apache-2.0

#include "connections.h"

#include <fcntl.h>
#include <grpc/support/sync.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "interposed.h"
#include "objects.h"

// Core's socket mutator, which C++ exports but no public header declares. The layout is that of gRPC 1.41 to 1.60; the weak
// symbols are NULL in a build without it.

typedef struct core_mutator core_mutator;
typedef enum { CORE_CLIENT_CONNECTION, CORE_SERVER_LISTENER, CORE_SERVER_CONNECTION } core_socket_usage;
typedef struct {
  int descriptor;
  core_socket_usage usage;
} core_socket;

typedef struct {
  bool (*mutate_unspecified)(int descriptor, core_mutator *mutator);
  int (*compare)(core_mutator *a, core_mutator *b);
  void (*destroy)(core_mutator *mutator);
  bool (*mutate)(const core_socket *socket, core_mutator *mutator);
} core_mutator_functions;

struct core_mutator {
  const core_mutator_functions *functions;
  gpr_refcount references;
};

extern void core_mutator_init(core_mutator *mutator, const core_mutator_functions *functions) __asm__(
    "_Z24grpc_socket_mutator_initP19grpc_socket_mutatorPK26grpc_socket_mutator_vtable") __attribute__((weak));
extern grpc_arg core_mutator_to_arg(core_mutator *mutator) __asm__(
    "_Z26grpc_socket_mutator_to_argP19grpc_socket_mutator") __attribute__((weak));

/// An address that has connections open.
typedef struct address {
  struct address *next;
  uint8_t bytes[16];
  uint32_t connections;
} address;

enum { ADDRESS_BUCKETS = 1024 };

struct connection_guard {
  /// First: core knows the guard by it.
  core_mutator mutator;
  illmrec_connection_limits limits;
  illmrec_frame_limits frames;
  bool has_tls;
  atomic_bool hides_new_streams;
  atomic_size_t references;
  pthread_mutex_t mutex;
  /// Kept open to be closed when descriptors run out: what waits to be accepted can then be accepted and closed, where it would
  /// wait for ever.
  int spare;
  uint32_t connections;
  address *addresses[ADDRESS_BUCKETS];
};

/// A socket that a guarded server listens on, or one open connection. Core uses each on one thread at a time and closes it after that.
typedef struct {
  connection_guard *guard;
  /// NULL for one that is listened on.
  address *address;
  illmrec_frame_reader reader;
} guarded_socket;

/// By descriptor. One that is beyond is not guarded.
enum { MAX_DESCRIPTORS = 1 << 20 };
static _Atomic(guarded_socket *) sockets[MAX_DESCRIPTORS];

static _Atomic(uint64_t) over_connections, over_connections_per_address, over_header_block, over_idle_frames;

struct tls_reader {
  connection_guard *guard;
  illmrec_frame_reader reader;
};

/// Whose connection's TLS is being set up on this thread.
static _Thread_local connection_guard *expecting_ssl;

// MARK: Counting

static void guard_let_go(connection_guard *guard) {
  if (atomic_fetch_sub_explicit(&guard->references, 1, memory_order_acq_rel) != 1) return;
  if (guard->spare >= 0) close(guard->spare);
  pthread_mutex_destroy(&guard->mutex);
  free(guard);
}

/// Where the address is or belongs. With the mutex.
static address **find(connection_guard *guard, const uint8_t bytes[16]) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < 16; i++) hash = (hash ^ bytes[i]) * 16777619u;
  address **place = &guard->addresses[hash % ADDRESS_BUCKETS];
  while (*place != NULL && memcmp((*place)->bytes, bytes, 16) != 0) place = &(*place)->next;
  return place;
}

/// The address as IPv6 writes it; all zeroes for a Unix socket. Of an IPv6 host its network of 64 bits: a host has many addresses.
static void peer_address(int descriptor, uint8_t bytes[16]) {
  struct sockaddr_storage peer;
  socklen_t count = sizeof peer;
  memset(bytes, 0, 16);
  if (getpeername(descriptor, (struct sockaddr *)&peer, &count) != 0) return;
  if (peer.ss_family == AF_INET) {
    bytes[10] = bytes[11] = 0xff;
    memcpy(bytes + 12, &((struct sockaddr_in *)&peer)->sin_addr, 4);
  } else if (peer.ss_family == AF_INET6) {
    const struct in6_addr *address = &((struct sockaddr_in6 *)&peer)->sin6_addr;
    memcpy(bytes, address, IN6_IS_ADDR_V4MAPPED(address) ? 16 : 8);
  }
}

/// With the mutex; NULL when a limit is reached.
static address *enter(connection_guard *guard, const uint8_t bytes[16]) {
  if (guard->limits.connections != 0 && guard->connections >= guard->limits.connections) {
    atomic_fetch_add(&over_connections, 1);
    return NULL;
  }
  address **place = find(guard, bytes);
  if (*place == NULL) {
    *place = allocate(1, sizeof **place);
    memcpy((*place)->bytes, bytes, 16);
  } else if (guard->limits.connections_per_address != 0 &&
             (*place)->connections >= guard->limits.connections_per_address) {
    atomic_fetch_add(&over_connections_per_address, 1);
    return NULL;
  }
  (*place)->connections++;
  guard->connections++;
  return *place;
}

static void leave(connection_guard *guard, address *of) {
  pthread_mutex_lock(&guard->mutex);
  guard->connections--;
  if (--of->connections == 0) {
    address **place = find(guard, of->bytes);
    *place = of->next;
    free(of);
  }
  pthread_mutex_unlock(&guard->mutex);
}

// MARK: Core's side

static connection_guard *guard_retain(connection_guard *guard) {
  atomic_fetch_add_explicit(&guard->references, 1, memory_order_relaxed);
  return guard;
}

static void remember(int descriptor, connection_guard *guard, address *address) {
  guarded_socket *made = allocate(1, sizeof *made);
  made->guard = guard_retain(guard);
  made->address = address;
  atomic_store_explicit(&sockets[descriptor], made, memory_order_release);
}

/// For each socket that the server makes or accepts. Core takes false for a fault of the listener, so nothing is refused here.
static bool take(const core_socket *socket, core_mutator *mutator) {
  if (socket->usage == CORE_SERVER_LISTENER && socket->descriptor < MAX_DESCRIPTORS) {
    remember(socket->descriptor, (connection_guard *)(void *)mutator, NULL);
  }
  return true;
}

static bool take_unspecified(int descriptor, core_mutator *mutator) {
  (void)descriptor, (void)mutator;
  return true;
}

static int compare(core_mutator *a, core_mutator *b) { return (a > b) - (a < b); }

static void core_let_go(core_mutator *mutator) { guard_let_go((connection_guard *)(void *)mutator); }

static const core_mutator_functions functions = {take_unspecified, compare, core_let_go, take};

connection_guard *connection_guard_create(const illmrec_connection_limits *limits) {
  connection_guard *guard = allocate(1, sizeof *guard);
  guard->limits = *limits;
  guard->frames = (illmrec_frame_limits){limits->header_block_bytes, limits->idle_frames_per_second};
  guard->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
  pthread_mutex_init(&guard->mutex, NULL);
  // The creator's, and the one that core gives back through `core_let_go`.
  atomic_init(&guard->references, 2);
  atomic_init(&guard->hides_new_streams, false);
  core_mutator_init(&guard->mutator, &functions);
  return guard;
}

void connection_guard_attach(connection_guard *guard, grpc_arg *argument) {
  *argument = core_mutator_to_arg(&guard->mutator);
}

void connection_guard_release(connection_guard *guard) { guard_let_go(guard); }

void connection_guard_expect_tls(connection_guard *guard) { guard->has_tls = true; }

void connection_guard_expect_ssl(connection_guard *guard) {
  connection_guard *before = expecting_ssl;
  expecting_ssl = guard == NULL ? NULL : guard_retain(guard);
  if (before != NULL) guard_let_go(before);
}

void connection_guard_hide_new_streams(connection_guard *guard) { atomic_store(&guard->hides_new_streams, true); }

bool illmrec_can_limit_connections(void) {
  return core_mutator_init != NULL && core_mutator_to_arg != NULL && interposition_works();
}

// MARK: What is received

static guarded_socket *of(int descriptor) {
  if (descriptor < 0 || descriptor >= MAX_DESCRIPTORS) return NULL;
  return atomic_load_explicit(&sockets[descriptor], memory_order_acquire);
}

connection_guard *listening_guard(int descriptor) {
  guarded_socket *socket = of(descriptor);
  return socket != NULL && socket->address == NULL ? socket->guard : NULL;
}

bool connection_accepted(connection_guard *guard, int descriptor) {
  if (descriptor >= MAX_DESCRIPTORS) return true;
  uint8_t bytes[16];
  peer_address(descriptor, bytes);
  pthread_mutex_lock(&guard->mutex);
  address *address = enter(guard, bytes);
  if (guard->spare < 0) guard->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
  pthread_mutex_unlock(&guard->mutex);
  if (address != NULL) remember(descriptor, guard, address);
  return address != NULL;
}

int connection_guard_take_spare(connection_guard *guard) {
  pthread_mutex_lock(&guard->mutex);
  int spare = guard->spare;
  guard->spare = -1;
  pthread_mutex_unlock(&guard->mutex);
  return spare;
}

void connection_guard_renew_spare(connection_guard *guard) {
  pthread_mutex_lock(&guard->mutex);
  if (guard->spare < 0) guard->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
  pthread_mutex_unlock(&guard->mutex);
  atomic_fetch_add(&over_connections, 1);
}

bool connection_is_watched(int descriptor) {
  guarded_socket *socket = of(descriptor);
  return socket != NULL && socket->address != NULL && !socket->guard->has_tls;
}

/// Of a clock that is quick to read.
static int64_t coarse_milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool received(connection_guard *guard, illmrec_frame_reader *reader, void *bytes, size_t count) {
  bool hides = atomic_load_explicit(&guard->hides_new_streams, memory_order_relaxed);
  illmrec_frames_verdict verdict =
      illmrec_frame_reader_take(reader, &guard->frames, hides, bytes, count, coarse_milliseconds());
  if (verdict == ILLMREC_FRAMES_FINE) return true;
  atomic_fetch_add(verdict == ILLMREC_FRAMES_HEADER_BLOCK_TOO_LARGE ? &over_header_block : &over_idle_frames, 1);
  return false;
}

bool connection_received(int descriptor, void *bytes, size_t count) {
  guarded_socket *socket = of(descriptor);
  return socket == NULL || received(socket->guard, &socket->reader, bytes, count);
}

tls_reader *tls_reader_create(void) {
  if (expecting_ssl == NULL) return NULL;
  tls_reader *reader = allocate(1, sizeof *reader);
  reader->guard = expecting_ssl;
  expecting_ssl = NULL;
  return reader;
}

void tls_reader_destroy(tls_reader *reader) {
  guard_let_go(reader->guard);
  free(reader);
}

bool tls_reader_received(tls_reader *reader, void *bytes, size_t count) {
  return received(reader->guard, &reader->reader, bytes, count);
}

void connection_closing(int descriptor) {
  if (of(descriptor) == NULL) return;
  guarded_socket *closed = atomic_exchange_explicit(&sockets[descriptor], NULL, memory_order_acq_rel);
  if (closed == NULL) return;
  if (closed->address != NULL) leave(closed->guard, closed->address);
  guard_let_go(closed->guard);
  free(closed);
}

illmrec_closed_connections illmrec_count_closed_connections(void) {
  return (illmrec_closed_connections){
      .over_connections = atomic_load(&over_connections),
      .over_connections_per_address = atomic_load(&over_connections_per_address),
      .over_header_block = atomic_load(&over_header_block),
      .over_idle_frames = atomic_load(&over_idle_frames),
  };
}
