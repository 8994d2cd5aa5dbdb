// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stdbool.h>

typedef struct completion completion;

/// What is to be done when an operation completes: the first member of everything whose address core gets as a tag.
///
/// The tag brings its function along, so a queue runs what comes out of it without knowing who started it.
struct completion {
  /// Called on a thread of the queue, once for each time that the completion was handed to core.
  void (*run)(completion *completion, bool succeeded);
};
