// SPDX-License-Identifier: Apache-2.0

#include "illmrec_cpu.h"

bool illmrec_cpu_has(illmrec_cpu_set set) {
#if defined(__x86_64__)
  // Constructors ask too, and may run before the one that fills what the compiler's answers come from.
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  switch (set) {
    case ILLMREC_CPU_PORTABLE:
      return true;
    case ILLMREC_CPU_AVX2:
      return avx2;
    case ILLMREC_CPU_AVX_VNNI:
      return avx2 && __builtin_cpu_supports("avxvnni");
    case ILLMREC_CPU_AVX512:
      return avx512;
    case ILLMREC_CPU_AVX512_VNNI:
      return avx512 && __builtin_cpu_supports("avx512vnni");
    case ILLMREC_CPU_AVX512_BF16:
      return avx512 && __builtin_cpu_supports("avx512bf16");
  }
#endif
  return set == ILLMREC_CPU_PORTABLE;
}

bool illmrec_isa_supported(illmrec_isa isa) {
  switch (isa) {
    case ILLMREC_ISA_BEST:
    case ILLMREC_ISA_PORTABLE:
      return true;
    case ILLMREC_ISA_AVX2:
      return illmrec_cpu_has(ILLMREC_CPU_AVX2);
    case ILLMREC_ISA_AVX512:
      return illmrec_cpu_has(ILLMREC_CPU_AVX512);
  }
  return false;
}

static illmrec_cpu_set most_of(illmrec_isa isa) {
  switch (isa) {
    case ILLMREC_ISA_PORTABLE:
      return ILLMREC_CPU_PORTABLE;
    case ILLMREC_ISA_AVX2:
      return ILLMREC_CPU_AVX2;
    case ILLMREC_ISA_BEST:
    case ILLMREC_ISA_AVX512:
      break;
  }
  return ILLMREC_CPU_AVX512_BF16;
}

const void *illmrec_choose(const illmrec_variant *variants, illmrec_isa isa) {
  const illmrec_cpu_set most = most_of(isa);
  while (variants->needs > most || !illmrec_cpu_has(variants->needs)) variants++;
  return variants->functions;
}
