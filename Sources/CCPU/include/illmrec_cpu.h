// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stdbool.h>

/// The sets of CPU features that code is compiled for: the one place that spells them, and the one way to choose.
///
/// - A plain loop that the compiler vectorises is marked `DISPATCHED`: the dynamic linker picks its best version.
/// - What is written once per feature set, in intrinsics or as a template, marks each variant with its `TARGET_…` and lists
///   them in a table of `illmrec_variant`, of which `illmrec_choose` takes one.

#ifdef __cplusplus
extern "C" {
#endif

// MARK: Feature sets

/// Sets of features, each worth more than those before it.
typedef enum {
  /// What every processor of the architecture has.
  ILLMREC_CPU_PORTABLE,
  /// AVX2 and FMA.
  ILLMREC_CPU_AVX2,
  /// AVX2, and products of bytes in 256 bits.
  ILLMREC_CPU_AVX_VNNI,
  /// AVX-512 F, BW, DQ and VL, as in x86-64-v4.
  ILLMREC_CPU_AVX512,
  /// AVX-512, and products of bytes.
  ILLMREC_CPU_AVX512_VNNI,
  /// AVX-512, and products of bfloat16 pairs.
  ILLMREC_CPU_AVX512_BF16,
} illmrec_cpu_set;

/// Whether this machine has all of a set.
bool illmrec_cpu_has(illmrec_cpu_set set);

// What compiles a function for a set; `illmrec_cpu_has` asks for the same features.
#define TARGET_PORTABLE
#define TARGET_AVX2 __attribute__((target("avx2,fma")))
#define TARGET_AVX_VNNI __attribute__((target("avx2,fma,avxvnni")))
#define TARGET_AVX512 __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")))
#define TARGET_AVX512_VNNI __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define TARGET_AVX512_BF16 __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))

// MARK: Variants

/// The most that a caller lets a kernel use. Tests name them all.
typedef enum {
  /// Whatever the machine has.
  ILLMREC_ISA_BEST = 0,
  ILLMREC_ISA_PORTABLE = 1,
  ILLMREC_ISA_AVX2 = 2,
  /// With what the machine has beside it.
  ILLMREC_ISA_AVX512 = 3,
} illmrec_isa;

/// Whether this machine runs `isa`.
bool illmrec_isa_supported(illmrec_isa isa);

/// One way to compute something: what it needs, and its functions, of a type that all variants share.
typedef struct {
  illmrec_cpu_set needs;
  const void *functions;
} illmrec_variant;

/// The functions of the first of `variants` that stays within `isa` and that this machine runs.
///
/// - variants: best first; the last is portable.
const void *illmrec_choose(const illmrec_variant *variants, illmrec_isa isa);

// MARK: Plain loops

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

/// For functions that are compiled as part of others, for the features of those.
#define INLINED static inline __attribute__((always_inline))

/// Before a loop whose arrays must be registers.
#define UNROLLED _Pragma("clang loop unroll(full)")

#ifdef __cplusplus
}
#endif
