// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stdint.h>
#include <string.h>

#include "illmrec_cpu.h"

INLINED float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

INLINED uint32_t bits_of_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}
