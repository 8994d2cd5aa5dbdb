// SPDX-License-Identifier: Apache-2.0

#include "row_codes.h"

#include <cmath>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace illmrec {
namespace {

constexpr float CODE_MAX = 127;

// Below, 127 / largest leaves float32.
constexpr float LEAST_CODED = 0x1p-100f;

// Adding 1.5 · 2^23 rounds to an integer, which is in the low bits then; compilers make vectors of it where lrintf has none.
int32_t rounded(float value) {
  const float shifted = value + 0x1.8p+23f;
  int32_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  return bits - 0x4b400000;
}

template <typename Code>
int32_t encode(const float *x, size_t dim, float largest, int32_t zero, Code *codes) {
  const float inverse = largest >= LEAST_CODED ? CODE_MAX / largest : 0;
  int32_t sum = 0;
  for (size_t i = 0; i < dim; i++) {
    const int32_t code = rounded(x[i] * inverse);
    sum += code;
    codes[i] = static_cast<Code>(code + zero);
  }
  std::memset(codes + dim, zero, code_stride(dim) - dim);
  return sum;
}

template <typename Query, int32_t ZERO>
int32_t product_portable(const uint8_t *row, const Query *query, size_t stride) {
  int32_t sum = 0;
  for (size_t i = 0; i < stride; i++) sum += static_cast<int32_t>(row[i]) * (static_cast<int32_t>(query[i]) - ZERO);
  return sum;
}

constexpr CodeProducts PORTABLE = {product_portable<int8_t, 0>, product_portable<uint8_t, CODE_ZERO>};

#if defined(__x86_64__)

// Bytes with a sign from bytes with CODE_ZERO added: the uppermost bit turned over.
TARGET_AVX2 inline __m128i signed_bytes(const uint8_t *codes) {
  return _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i *>(codes)), _mm_set1_epi8(-128));
}

TARGET_AVX2 inline __m128i signed_bytes(const int8_t *codes) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i *>(codes));
}

template <typename Query>
TARGET_AVX2 int32_t product_avx2(const uint8_t *row, const Query *query, size_t stride) {
  __m256i even = _mm256_setzero_si256(), odd = even;
  for (size_t i = 0; i < stride; i += 32) {
    const __m128i *bytes = reinterpret_cast<const __m128i *>(row + i);
    even = _mm256_add_epi32(even, _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128(bytes)),
                                                    _mm256_cvtepi8_epi16(signed_bytes(query + i))));
    odd = _mm256_add_epi32(odd, _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128(bytes + 1)),
                                                  _mm256_cvtepi8_epi16(signed_bytes(query + i + 16))));
  }
  const __m256i both = _mm256_add_epi32(even, odd);
  __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
  return _mm_cvtsi128_si32(sum);
}

constexpr CodeProducts WITH_AVX2 = {product_avx2<int8_t>, product_avx2<uint8_t>};

TARGET_AVX512_VNNI inline __m512i signed_line(const uint8_t *codes) {
  return _mm512_xor_si512(_mm512_loadu_si512(codes), _mm512_set1_epi8(-128));
}

TARGET_AVX512_VNNI inline __m512i signed_line(const int8_t *codes) { return _mm512_loadu_si512(codes); }

template <typename Query>
TARGET_AVX512_VNNI int32_t product_vnni(const uint8_t *row, const Query *query, size_t stride) {
  // Four sums, since an instruction's result is ready only after four others could have begun.
  __m512i sums[4] = {};
  size_t i = 0;
  for (; i + 4 * CODE_LINE <= stride; i += 4 * CODE_LINE) {
    for (int s = 0; s < 4; s++) {
      const size_t at = i + s * CODE_LINE;
      sums[s] = _mm512_dpbusd_epi32(sums[s], _mm512_loadu_si512(row + at), signed_line(query + at));
    }
  }
  for (; i < stride; i += CODE_LINE) {
    sums[0] = _mm512_dpbusd_epi32(sums[0], _mm512_loadu_si512(row + i), signed_line(query + i));
  }
  return _mm512_reduce_add_epi32(
      _mm512_add_epi32(_mm512_add_epi32(sums[0], sums[1]), _mm512_add_epi32(sums[2], sums[3])));
}

constexpr CodeProducts WITH_VNNI = {product_vnni<int8_t>, product_vnni<uint8_t>};

#endif

}  // namespace

float largest_magnitude(const float *x, size_t count) {
  float largest = 0;
  for (size_t i = 0; i < count; i++) {
    const float magnitude = std::fabs(x[i]);
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest;
}

int32_t encode_row(const float *x, size_t dim, float largest, uint8_t *codes) {
  return encode(x, dim, largest, CODE_ZERO, codes);
}

int32_t encode_query(const float *x, size_t dim, int8_t *codes) {
  return encode(x, dim, largest_magnitude(x, dim), 0, codes);
}

const CodeProducts &code_products(illmrec_isa isa) {
  static constexpr illmrec_variant variants[] = {
#if defined(__x86_64__)
    {ILLMREC_CPU_AVX512_VNNI, &WITH_VNNI},
    {ILLMREC_CPU_AVX2, &WITH_AVX2},
#endif
    {ILLMREC_CPU_PORTABLE, &PORTABLE},
  };
  return *static_cast<const CodeProducts *>(illmrec_choose(variants, isa));
}

}  // namespace illmrec
