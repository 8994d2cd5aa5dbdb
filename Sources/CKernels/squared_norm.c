// SPDX-License-Identifier: Apache-2.0

#include "illmrec_search.h"

double illmrec_squared_norm(const float *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += (double)values[i] * values[i];
  return sum;
}
