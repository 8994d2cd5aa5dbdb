// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stddef.h>

#include "float_bits.h"

// Rounding rows to the steps of an 8-bit integer.

/// Adding 1.5 * 2^23 rounds to the nearest integer, which the sum's lowest bits then hold.
INLINED int32_t nearest_integer(float value) { return (int32_t)bits_of_float(value + 0x1.8p+23f) - 0x4b400000; }

/// The largest magnitude as bits: at least those of infinity when a value is not finite. As integers, magnitudes compare
/// as they do as floats.
INLINED uint32_t largest_magnitude(const float *x, size_t count) {
  int32_t largest = 0;
  for (size_t i = 0; i < count; i++) {
    int32_t bits = (int32_t)(bits_of_float(x[i]) & 0x7fffffff);
    largest = bits > largest ? bits : largest;
  }
  return (uint32_t)largest;
}
