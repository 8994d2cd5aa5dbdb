// SPDX-License-Identifier: Apache-2.0

#include <grpc/grpc_security.h>

#include "call.h"

static const char *const properties[] = {
    [ILLMREC_PEER_SUBJECT] = GRPC_X509_SUBJECT_PROPERTY_NAME, [ILLMREC_PEER_COMMON_NAME] = GRPC_X509_CN_PROPERTY_NAME,
    [ILLMREC_PEER_DNS_NAME] = GRPC_PEER_DNS_PROPERTY_NAME,    [ILLMREC_PEER_URI] = GRPC_PEER_URI_PROPERTY_NAME,
    [ILLMREC_PEER_EMAIL] = GRPC_PEER_EMAIL_PROPERTY_NAME,
};

void illmrec_call_peer_names(illmrec_call *call, void *context,
                             void (*found)(void *context, illmrec_peer_name kind, const char *name, size_t count)) {
  grpc_auth_context *peer = grpc_call_auth_context(call->core);
  if (peer == NULL) return;
  for (size_t kind = 0; kind < sizeof properties / sizeof *properties; kind++) {
    grpc_auth_property_iterator iterator = grpc_auth_context_find_properties_by_name(peer, properties[kind]);
    const grpc_auth_property *property;
    while ((property = grpc_auth_property_iterator_next(&iterator)) != NULL) {
      found(context, (illmrec_peer_name)kind, property->value, property->value_length);
    }
  }
  grpc_auth_context_release(peer);
}
