// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "float_bits.h"

INLINED float float_of_bfloat16(uint16_t value) { return float_of_bits((uint32_t)value << 16); }

/// To nearest, ties to even; a NaN stays one.
INLINED uint16_t bfloat16_of_float(float value) {
  uint32_t bits = bits_of_float(value);
  uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
  return (uint16_t)(((bits & 0x7fffffff) > 0x7f800000 ? bits | 0x400000 : rounded) >> 16);
}

/// The 15 bits below the sign, moved to the float's place, stand for the value times 2^-112; multiplying by 2^112 also makes
/// subnormals right. Infinity and NaN keep an exponent of all ones.
INLINED float float_of_float16(uint16_t value) {
  uint32_t half = value;
  uint32_t magnitude = (half & 0x7fff) << 13;
  uint32_t bits = bits_of_float(float_of_bits(magnitude) * 0x1p112f);
  bits = (half & 0x7c00) == 0x7c00 ? magnitude | 0x7f800000 : bits;
  return float_of_bits(bits | (half & 0x8000) << 16);
}
