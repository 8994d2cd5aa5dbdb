// SPDX-License-Identifier: Apache-2.0

#include "arguments.h"

#include <stdlib.h>

#include "objects.h"

/// Room for what the shim itself adds.
enum { FURTHER_ARGUMENTS = 2 };

grpc_channel_args arguments_create(const illmrec_argument *arguments, size_t count) {
  grpc_channel_args out = {.num_args = count, .args = allocate(count + FURTHER_ARGUMENTS, sizeof(grpc_arg))};
  for (size_t i = 0; i < count; i++) {
    grpc_arg *arg = &out.args[i];
    arg->key = (char *)arguments[i].key;
    if (arguments[i].text != NULL) {
      arg->type = GRPC_ARG_STRING;
      arg->value.string = (char *)arguments[i].text;
    } else {
      arg->type = GRPC_ARG_INTEGER;
      arg->value.integer = arguments[i].number;
    }
  }
  return out;
}

grpc_arg *arguments_next(grpc_channel_args *arguments) { return &arguments->args[arguments->num_args++]; }

void arguments_destroy(grpc_channel_args arguments) { free(arguments.args); }
