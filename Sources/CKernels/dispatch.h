#pragma once

/// Compiles a function once per x86-64 level; the dynamic linker picks the best one that the CPU runs.
///
/// Functions so marked hold plain loops that the compiler vectorises; they may only call functions that are inlined.
#if defined(__x86_64__) && defined(__ELF__) && !defined(__SANITIZE_THREAD__)
#define DISPATCHED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define DISPATCHED
#endif

#define INLINED static inline __attribute__((always_inline))
