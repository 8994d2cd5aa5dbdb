// SPDX-License-Identifier: Apache-2.0

#include "illmrec_cpu.h"
#include "packed.h"

/// A variant that callers choose by name: which is best differs between processors of equal features.
typedef struct {
  illmrec_packed_format format;
  illmrec_path path;
  illmrec_cpu_set needs;
  const packed_path *functions;
} packed_variant;

static const packed_variant variants[] = {
    {ILLMREC_PACKED_BFLOAT16, ILLMREC_PATH_PORTABLE, ILLMREC_CPU_PORTABLE, &packed_widened_portable},
    {ILLMREC_PACKED_INT8, ILLMREC_PATH_PORTABLE, ILLMREC_CPU_PORTABLE, &packed_int8_portable},
#if defined(__x86_64__)
    {ILLMREC_PACKED_BFLOAT16, ILLMREC_PATH_AVX2, ILLMREC_CPU_AVX2, &packed_widened_avx2},
    {ILLMREC_PACKED_INT8, ILLMREC_PATH_AVX2, ILLMREC_CPU_AVX2, &packed_int8_avx2},
    {ILLMREC_PACKED_INT8, ILLMREC_PATH_AVX_VNNI, ILLMREC_CPU_AVX_VNNI, &packed_int8_avx_vnni},
    {ILLMREC_PACKED_BFLOAT16, ILLMREC_PATH_AVX512, ILLMREC_CPU_AVX512, &packed_widened_avx512},
    {ILLMREC_PACKED_INT8, ILLMREC_PATH_AVX512, ILLMREC_CPU_AVX512_VNNI, &packed_int8_avx512},
    {ILLMREC_PACKED_BFLOAT16, ILLMREC_PATH_AVX512_BF16, ILLMREC_CPU_AVX512_BF16, &packed_native_avx512},
#endif
};

static const packed_variant *find(illmrec_packed_format format, illmrec_path path) {
  for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
    if (variants[i].format == format && variants[i].path == path) return &variants[i];
  }
  return NULL;
}

const packed_path *packed_path_for(illmrec_packed_format format, illmrec_path path) {
  const packed_variant *variant = find(format, path);
  return variant == NULL ? NULL : variant->functions;
}

const packed_path *packed_float32_path(illmrec_isa isa) {
  static const illmrec_variant float32[] = {
#if defined(__x86_64__)
    {ILLMREC_CPU_AVX512, &packed_float32_avx512},
    {ILLMREC_CPU_AVX2, &packed_float32_avx2},
#endif
    {ILLMREC_CPU_PORTABLE, &packed_float32_portable},
  };
  return illmrec_choose(float32, isa);
}

bool illmrec_path_supported(illmrec_packed_format format, illmrec_path path) {
  const packed_variant *variant = find(format, path);
  return variant != NULL && illmrec_cpu_has(variant->needs);
}
