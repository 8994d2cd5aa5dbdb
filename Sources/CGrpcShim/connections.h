// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <grpc/grpc.h>

#include "illmrec_grpc.h"
#include "illmrec_http2_frames.h"

/// Watches over the connections of one server: how many there are, and what their clients send.
typedef struct connection_guard connection_guard;

/// The creator owns one reference, as does every connection that is open.
connection_guard *connection_guard_create(const illmrec_connection_limits *limits);
void connection_guard_release(connection_guard *guard);
/// Makes core tell the guard of each socket that the server listens on.
void connection_guard_attach(connection_guard *guard, grpc_arg *argument);
/// Connections that are made from now on carry TLS, so that their frames show after decryption only. Before start.
void connection_guard_expect_tls(connection_guard *guard);
/// The next SSL that this thread makes is that of a connection of `guard`; of none when that is NULL.
void connection_guard_expect_ssl(connection_guard *guard);
/// Core sees no stream any more that a client opens from now on.
void connection_guard_hide_new_streams(connection_guard *guard);

/// What the functions in interposed.c report.

/// The guard of a socket that a server listens on, or NULL.
connection_guard *listening_guard(int descriptor);
/// A connection was accepted; false when it is to be closed. Core has not seen it.
bool connection_accepted(connection_guard *guard, int descriptor);
/// A descriptor to close because there are no more; -1 when it is in use. To be followed by `connection_guard_renew_spare`.
int connection_guard_take_spare(connection_guard *guard);
/// Counts the connection that was closed meanwhile.
void connection_guard_renew_spare(connection_guard *guard);
/// Bytes that core is about to receive on `descriptor`; false when the connection is to be closed.
bool connection_received(int descriptor, void *bytes, size_t count);
/// Whether the descriptor is a connection whose frames are read.
bool connection_is_watched(int descriptor);
/// Core is about to close the descriptor.
void connection_closing(int descriptor);

/// What a client sends within TLS, which belongs to no descriptor.
typedef struct tls_reader tls_reader;

/// For the SSL that was made on this thread; NULL where no guard expects it.
tls_reader *tls_reader_create(void);
void tls_reader_destroy(tls_reader *reader);
/// Bytes that core is about to receive; false when the connection is to be closed.
bool tls_reader_received(tls_reader *reader, void *bytes, size_t count);
