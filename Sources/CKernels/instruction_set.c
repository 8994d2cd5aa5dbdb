#include "instruction_set.h"

bool illmrec_isa_supported(illmrec_isa isa) {
  switch (isa) {
    case ILLMREC_ISA_BEST:
    case ILLMREC_ISA_PORTABLE:
      return true;
#if defined(__x86_64__)
    case ILLMREC_ISA_AVX2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case ILLMREC_ISA_AVX512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
#endif
    default:
      return false;
  }
}

illmrec_isa isa_or_best(illmrec_isa isa) {
  if (isa != ILLMREC_ISA_BEST) return isa;
  if (illmrec_isa_supported(ILLMREC_ISA_AVX512)) return ILLMREC_ISA_AVX512;
  return illmrec_isa_supported(ILLMREC_ISA_AVX2) ? ILLMREC_ISA_AVX2 : ILLMREC_ISA_PORTABLE;
}
