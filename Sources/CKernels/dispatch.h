#pragma once

/// Compiles a function once per x86-64 level; the dynamic linker picks the best one that the CPU runs.
///
/// Functions so marked hold plain loops that the compiler vectorises; they may only call functions that are inlined.
///
/// Not under the thread sanitizer: the dynamic linker would call instrumented code before the sanitizer is there.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define DISPATCH_OFF
#endif
#endif

#if defined(__x86_64__) && defined(__ELF__) && !defined(__SANITIZE_THREAD__) && !defined(DISPATCH_OFF)
#define DISPATCHED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DISPATCHED
#endif

#define INLINED static inline __attribute__((always_inline))
