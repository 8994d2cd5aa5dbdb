// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// gRPC core's completion-queue API behind opaque handles.
///
/// Ownership. Every handle is reference counted or single-owner; each function says which. A queue lives as long as its
/// last user (its creator, a server, a channel, an unfinished call); when the last one lets go, the queue's threads end
/// by themselves, so no operation can ever be started on a queue that is shut down.
///
/// Threads. Each queue has its own threads, and every callback of this header runs on one of the queue concerned; with
/// several, callbacks of one call may overlap. Callbacks must not block. Functions may be called from any thread unless
/// their comment says otherwise. On one call, sending batches must not overlap each other, and neither may receiving
/// batches; a sending and a receiving batch may.

#ifdef __cplusplus
extern "C" {
#endif

/// Says that a callback may be formed anywhere, not only on the thread (or actor) where its literal stands.
#define ILLMREC_SENDABLE __attribute__((swift_attr("@Sendable")))

/// A completion queue and the threads that wait on it.
typedef struct illmrec_queue illmrec_queue;
/// A client's connections to one target.
typedef struct illmrec_channel illmrec_channel;
/// A listening server.
typedef struct illmrec_server illmrec_server;
/// One RPC, on the client or on the server.
typedef struct illmrec_call illmrec_call;
/// Operations of one call that are started together and complete together.
typedef struct illmrec_batch illmrec_batch;
/// Received metadata; a view that lives as long as what it was read from.
typedef struct illmrec_metadata illmrec_metadata;

// MARK: Live objects

/// How many objects of each kind exist. All are zero once everything is released and every queue's threads have ended.
typedef struct {
  int64_t queues;
  int64_t channels;
  int64_t servers;
  int64_t calls;
  int64_t batches;
  int64_t slots;
  int64_t received_messages;
} illmrec_live_objects;

illmrec_live_objects illmrec_count_live_objects(void);

// MARK: Bytes

/// Owns one reference to received bytes. Move it, never duplicate it; give it back with `illmrec_bytes_release`.
typedef struct {
  void *opaque[4];
} illmrec_bytes;

/// The bytes. The pointer is good while `bytes` stays at this address and is not released (short contents lie inside
/// it).
const void *illmrec_bytes_pointer(const illmrec_bytes *bytes);
size_t illmrec_bytes_count(const illmrec_bytes *bytes);
void illmrec_bytes_release(illmrec_bytes *bytes);

typedef enum {
  ILLMREC_INFLATION_DONE = 0,
  /// Not a gzip or zlib stream, or not a whole one.
  ILLMREC_INFLATION_CORRUPT = 1,
  /// More than the limit, or than memory has room for.
  ILLMREC_INFLATION_TOO_LARGE = 2,
} illmrec_inflation;

/// Undoes gzip or zlib ("deflate") into `out`, which the caller owns when it is done. Stops at a byte more than `limit`,
/// which is less than 2 GiB. From any thread.
illmrec_inflation illmrec_inflate(const void *bytes, size_t count, size_t limit, illmrec_bytes *out);

// MARK: Queues

/// Creates a queue and starts its `threads`, all under `name`, of which the system keeps 15 bytes. The caller
/// owns one reference. `ended(context)` is called when the last thread is about to end, with the queue already gone.
/// Returns NULL, without calling `ended`, when not all threads can be started.
illmrec_queue *illmrec_queue_create(const char *name, size_t threads, ILLMREC_SENDABLE void (*ended)(void *context),
                                    void *context);
void illmrec_queue_release(illmrec_queue *queue);

// MARK: Channel arguments

/// An option for a channel or server: an integer, or a string when `text` is not NULL. Read during creation only.
typedef struct {
  const char *key;
  const char *text;
  int32_t number;
} illmrec_argument;

// MARK: TLS

/// Files of PEM text for TLS 1.2 and 1.3. What is in them is followed while they are in use.
typedef struct {
  /// The own certificate and its chain, and the key of the first; both or, for a client without a certificate, neither.
  const char *certificate;
  const char *key;
  /// Whose signature the other side's certificate must have. A client always has it; a server that has it asks every
  /// client for a certificate and refuses one without.
  const char *authorities;
} illmrec_tls_files;

/// Whether the files can be read, hold what they should, and the key is the certificate's. Otherwise writes what is
/// wrong, which names the file, cut to `capacity` with its end.
bool illmrec_tls_files_check(const illmrec_tls_files *files, char *problem, size_t capacity);

/// A server noticed, at a connection, that its files have changed: `problem` is NULL when they are in use from now on,
/// else says why what was there before goes on being used. Within the call only. On a queue thread.
typedef void (*illmrec_tls_changed)(void *context, const char *problem);

// MARK: Channels

/// Creates a channel to `target`, in gRPC's name syntax; with TLS unless `tls` is NULL. Connects when calls need it.
/// NULL when core cannot make sense of the target. The caller owns it; release from any thread. Calls keep what they
/// need of it. Changed files are in use for connections that are made more than a second later.
illmrec_channel *illmrec_channel_create(illmrec_queue *queue, const char *target, const illmrec_tls_files *tls,
                                        const illmrec_argument *arguments, size_t count);
void illmrec_channel_release(illmrec_channel *channel);

/// Opens a call of method `path` ("/package.Service/Method"). Nothing is sent before the first batch. `timeout_ns`
/// counts from now; INT64_MAX means no deadline. The caller owns one reference.
illmrec_call *illmrec_channel_create_call(illmrec_channel *channel, const char *path, size_t path_count,
                                          int64_t timeout_ns);

// MARK: Servers

/// A call that arrived. Everything but `call` and `message` is valid during the callback only.
typedef struct {
  /// The callee owns this reference.
  illmrec_call *call;
  /// The value `illmrec_server_register_method` returned, or -1 for a method that was not registered.
  int64_t method;
  /// "/package.Service/Method"; only when `method` is -1.
  const char *path;
  size_t path_count;
  /// Until the deadline; INT64_MAX when there is none.
  int64_t timeout_ns;
  const illmrec_metadata *metadata;
  /// The first message, if it was asked for at registration and there was one; the callee owns it.
  bool has_message;
  illmrec_bytes message;
  /// The message is still compressed.
  bool is_compressed;
  /// There was none because the call broke off before it had come, rather than because the client sent none.
  bool broke_off;
} illmrec_incoming;

typedef struct {
  /// A call arrived.
  void (*called)(void *context, illmrec_incoming *incoming);
  /// After `illmrec_server_shutdown`: nothing listens any more and every call is over.
  void (*drained)(void *context);
  /// Last use of `context`: the server is gone. On any thread.
  void (*stopped)(void *context);
} illmrec_server_callbacks;

/// What the clients of a server may do to it, before core sees it; 0 is no limit.
typedef struct {
  /// Connections at a time, and of one address; further ones are closed at once. Unix sockets count as one address.
  uint32_t connections;
  uint32_t connections_per_address;
  /// Bytes of one header block on the wire, its CONTINUATION frames included.
  uint32_t header_block_bytes;
  /// Frames a second on a connection that make work and carry nothing: streams that are reset within moments, pings,
  /// settings, priorities, empty data. Five seconds' worth may come at once.
  uint32_t idle_frames_per_second;
} illmrec_connection_limits;

/// How often each limit closed a connection, of all servers of the process.
typedef struct {
  uint64_t over_connections;
  uint64_t over_connections_per_address;
  uint64_t over_header_block;
  uint64_t over_idle_frames;
} illmrec_closed_connections;

illmrec_closed_connections illmrec_count_closed_connections(void);

/// Whether `illmrec_connection_limits` have an effect: this process and this build of core let the shim see connections
/// and what comes on them. Not under a sanitizer.
bool illmrec_can_limit_connections(void);

/// Creates a server on `queue`. The caller owns it.
///
/// `memory_bytes` bounds what core itself takes for connections, calls and messages under way: near it new connections
/// are refused, above it calls are. 0: no bound. `limits`: NULL for none.
illmrec_server *illmrec_server_create(illmrec_queue *queue, const illmrec_argument *arguments, size_t count,
                                      size_t memory_bytes, const illmrec_connection_limits *limits);

/// Listens on `address`. Before start only, and once with TLS. Returns the port (1 for a Unix socket), 0 on failure.
///
/// `tls`: NULL for none. `changed(context)` may be called until `forget(context)` is; without TLS neither ever is.
int illmrec_server_listen(illmrec_server *server, const char *address, const illmrec_tls_files *tls,
                          ILLMREC_SENDABLE void (*changed)(void *context, const char *problem),
                          ILLMREC_SENDABLE void (*forget)(void *context), void *context);

/// Announces a method. Before start only. With `with_message` a call is reported together with its first message, which
/// suits methods whose client sends exactly one. Returns the number that marks its calls, or -1.
int64_t illmrec_server_register_method(illmrec_server *server, const char *path, bool with_message);

/// Accepts calls from now on, with `slots` requests outstanding for each method. Once only, before shutdown.
void illmrec_server_start(illmrec_server *server, size_t slots, illmrec_server_callbacks callbacks, void *context);

/// Core sees no stream any more that a client opens from now on, and the client learns from the shutdown that nobody has begun with it.
/// What was received before may take some milliseconds to become calls; who is shut down before that drops them without an answer. False
/// when connections are not limited, as nothing is hidden then. Idempotent.
bool illmrec_server_hide_new_streams(illmrec_server *server);

/// Stops listening, lets the calls that run finish, then calls `drained`. Idempotent.
void illmrec_server_shutdown(illmrec_server *server);

/// Cancels every call. After shutdown only.
void illmrec_server_cancel_calls(illmrec_server *server);

/// Gives up the creator's reference; shuts the server down first if that was not done.
void illmrec_server_release(illmrec_server *server);

// MARK: Calls

void illmrec_call_release(illmrec_call *call);

/// Promises that no further batch will be started, so that the call keeps its queue no longer. Batches under way
/// complete. Idempotent.
void illmrec_call_finish(illmrec_call *call);

/// Ends the call with `status` unless it is over already. From any thread.
void illmrec_call_cancel(illmrec_call *call, int status, const char *message);

/// Copies the peer's address ("ipv4:127.0.0.1:50051") into `buffer`; returns its length, cut to `capacity`.
size_t illmrec_call_peer(illmrec_call *call, char *buffer, size_t capacity);

/// A name that the peer's verified certificate gives it.
typedef enum {
  /// The whole subject, as OpenSSL writes it on one line (RFC 2253).
  ILLMREC_PEER_SUBJECT = 0,
  ILLMREC_PEER_COMMON_NAME = 1,
  ILLMREC_PEER_DNS_NAME = 2,
  ILLMREC_PEER_URI = 3,
  ILLMREC_PEER_EMAIL = 4,
} illmrec_peer_name;

/// Calls `found` for each name that a certificate gives the peer; for none when it showed none or none was asked for.
/// Within the call.
void illmrec_call_peer_names(illmrec_call *call, void *context,
                             void (*found)(void *context, illmrec_peer_name kind, const char *name, size_t count));

// MARK: Batches

typedef enum {
  ILLMREC_INITIAL_METADATA = 0,
  ILLMREC_TRAILING_METADATA = 1,
} illmrec_metadata_kind;

/// An empty batch. It holds the call until it is over. Start it or discard it.
illmrec_batch *illmrec_batch_create(illmrec_call *call);
void illmrec_batch_discard(illmrec_batch *batch);

/// Adds one pair to what the batch will send; copies both. Keys ending in "-bin" carry bytes, others printable ASCII.
/// Returns false, adding nothing, when HTTP/2 does not allow the key or the value.
bool illmrec_batch_add_metadata(illmrec_batch *batch, illmrec_metadata_kind kind, const char *key, size_t key_count,
                                const void *value, size_t value_count);

/// What a client should do while its channel is not connected.
typedef enum {
  ILLMREC_WAIT_DEFAULT = 0,
  ILLMREC_WAIT_FOR_READY = 1,
  ILLMREC_FAIL_FAST = 2,
} illmrec_wait;

void illmrec_batch_send_initial_metadata(illmrec_batch *batch, illmrec_wait wait);

/// Server: lets core compress the call's messages in a way that the client takes, if there is one. After
/// `illmrec_batch_send_initial_metadata`.
void illmrec_batch_compress_messages(illmrec_batch *batch);

/// Sends `count` bytes without copying them: they must stay as they are until `release(owner)`, which may come on any
/// thread. Those that may not be compressed go as they are where the call's messages are compressed.
void illmrec_batch_send_message(illmrec_batch *batch, const void *bytes, size_t count, bool may_be_compressed,
                                void *owner, ILLMREC_SENDABLE void (*release)(void *owner));

/// Client: no more messages.
void illmrec_batch_send_close(illmrec_batch *batch);
/// Server: ends the call; `message` is copied.
void illmrec_batch_send_status(illmrec_batch *batch, int status, const char *message, size_t message_count);

void illmrec_batch_receive_initial_metadata(illmrec_batch *batch);
void illmrec_batch_receive_message(illmrec_batch *batch);
/// Client: completes when the call is over. A call must receive initial metadata too, or this completes at its deadline
/// only.
void illmrec_batch_receive_status(illmrec_batch *batch);
/// Server: completes when the call is over; needed on every call to learn of its cancellation.
void illmrec_batch_receive_close(illmrec_batch *batch);

/// Called once per started batch. `batch` and everything read from it are valid until return.
typedef void (*illmrec_batch_done)(void *context, illmrec_batch *batch, bool succeeded);

/// Starts the batch and gives it up. Returns false, without a callback, when core refuses it (a misuse of this header).
bool illmrec_batch_start(illmrec_batch *batch, void *context,
                         ILLMREC_SENDABLE void (*done)(void *context, illmrec_batch *batch, bool succeeded));

// Results, in the callback only.

typedef enum {
  /// This build of gRPC core cannot tell.
  ILLMREC_RESPONSE_UNKNOWN = 0,
  /// The server answered with metadata; messages and the status come later.
  ILLMREC_RESPONSE_ACCEPTED = 1,
  /// The server, or core in its place, answered with a status and nothing else ("trailers-only").
  ILLMREC_RESPONSE_REJECTED = 2,
} illmrec_response;

/// Client: how the response began, of a batch that received its initial metadata.
illmrec_response illmrec_batch_response(const illmrec_batch *batch);
const illmrec_metadata *illmrec_batch_initial_metadata(const illmrec_batch *batch);
const illmrec_metadata *illmrec_batch_trailing_metadata(const illmrec_batch *batch);
/// Moves the received message to `out`, still compressed where it says so; false when there was none.
bool illmrec_batch_take_message(illmrec_batch *batch, illmrec_bytes *out, bool *is_compressed);
/// Of a batch that received no message: whether the stream broke off instead of ending in order.
bool illmrec_batch_receive_failed(const illmrec_batch *batch);
/// Client: the call's status code, with its message.
int illmrec_batch_status(const illmrec_batch *batch, const char **message, size_t *message_count);
/// Server: whether the call ended before its status was delivered.
bool illmrec_batch_cancelled(const illmrec_batch *batch);

// MARK: Metadata

typedef struct {
  const char *key;
  size_t key_count;
  const void *value;
  size_t value_count;
} illmrec_metadata_entry;

size_t illmrec_metadata_count(const illmrec_metadata *metadata);
/// Bytes of all keys and values, with 32 more for each pair, as HTTP/2 counts a list of headers.
size_t illmrec_metadata_bytes(const illmrec_metadata *metadata);
illmrec_metadata_entry illmrec_metadata_at(const illmrec_metadata *metadata, size_t index);

#ifdef __cplusplus
}
#endif
