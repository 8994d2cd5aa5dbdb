// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <grpc/grpc_security.h>

#include "connections.h"
#include "illmrec_grpc.h"

/// A server's certificate, which follows its files.
typedef struct tls_server tls_server;

/// The guard, which may be NULL, outlives every connection.
tls_server *tls_server_create(const illmrec_tls_files *files, connection_guard *guard, illmrec_tls_changed changed,
                              void (*forget)(void *context), void *context);
/// Credentials for one port, which use `server` as long as that port accepts connections. The caller owns them.
grpc_server_credentials *tls_server_credentials(tls_server *server);
void tls_server_destroy(tls_server *server);

/// The caller owns the credentials. A thread of core's own looks at the files every second.
grpc_channel_credentials *tls_channel_credentials(const illmrec_tls_files *files);
