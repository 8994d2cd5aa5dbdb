// SPDX-License-Identifier: Apache-2.0

#pragma once

/// gRPC core orders what happens before an operation starts before its event. The thread sanitizer cannot see that,
/// because core is not built with it, so it is told at both ends.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
void __tsan_release(void *address);
void __tsan_acquire(void *address);
#define HAPPENS_BEFORE_EVENT(tag) __tsan_release(tag)
#define HAPPENS_AFTER_START(tag) __tsan_acquire(tag)
#endif
#endif
#ifndef HAPPENS_BEFORE_EVENT
#define HAPPENS_BEFORE_EVENT(tag) ((void)(tag))
#define HAPPENS_AFTER_START(tag) ((void)(tag))
#endif
