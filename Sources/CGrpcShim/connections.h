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

/// What the functions in interposed.c report.

/// The guard of a socket that a server listens on, or NULL.
connection_guard *listening_guard(int descriptor);
/// A connection was accepted; false when it is to be closed. Core has not seen it.
bool connection_accepted(connection_guard *guard, int descriptor);
/// A descriptor to close because there are no more; -1 when it is in use. To be followed by `connection_guard_renew_spare`.
int connection_guard_take_spare(connection_guard *guard);
/// Counts the connection that was closed meanwhile.
void connection_guard_renew_spare(connection_guard *guard);
/// Bytes that core has received on `descriptor`; false when the connection is to be closed.
bool connection_received(int descriptor, const void *bytes, size_t count);
/// Whether the descriptor is a connection whose frames are read.
bool connection_is_watched(int descriptor);
/// Core is about to close the descriptor.
void connection_closing(int descriptor);
/// The limits for frames within TLS, which belong to no descriptor: those of the newest guard that expects it.
illmrec_frame_limits connection_tls_limits(void);
/// Remembers that a connection was closed for what its client sent.
void connection_count_closed(illmrec_frames_verdict verdict);
/// Of a clock that is quick to read.
int64_t coarse_milliseconds(void);
