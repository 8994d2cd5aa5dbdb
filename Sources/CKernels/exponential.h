#pragma once

#include <stdint.h>
#include <string.h>

#include "dispatch.h"

/// exp(x) within 2 units in the last place, without a branch, so that loops around it vectorise.
///
/// Below -87.3 the result is 1.2e-38 or less instead of a subnormal, above 88.7 it is 2.4e38 or more instead of
/// infinity. NaN stays NaN.
///
/// x = n ln 2 + r with |r| <= ln(2) / 2; exp(r) by the Taylor series to r⁷ (its remainder is below 2^-26), 2^n by the
/// exponent bits. ln 2 is split in two so that n ln 2 is exact.
INLINED float exponential(float x) {
  const float log2e = 0x1.715476p+0f;
  const float ln2_high = 0x1.62e400p-1f;
  const float ln2_low = 0x1.7f7d1cp-20f;
  // Adding 1.5 * 2^23 rounds to the nearest integer, which the sum's lowest bits then hold.
  const float rounding = 0x1.8p+23f;
  const uint32_t rounding_bits = 0x4b400000;
  x = x < -87.3f ? -87.3f : x;
  x = x > 88.7f ? 88.7f : x;
  float shifted = x * log2e + rounding;
  float n = shifted - rounding;
  float r = (x - n * ln2_high) - n * ln2_low;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  // n reaches 128, one more than an exponent holds: two factors.
  uint32_t shifted_bits;
  memcpy(&shifted_bits, &shifted, sizeof shifted_bits);
  int32_t exponent = (int32_t)(shifted_bits - rounding_bits);
  int32_t half = exponent >> 1;
  uint32_t low_bits = (uint32_t)(half + 127) << 23, high_bits = (uint32_t)(exponent - half + 127) << 23;
  float low, high;
  memcpy(&low, &low_bits, sizeof low);
  memcpy(&high, &high_bits, sizeof high);
  return p * low * high;
}
