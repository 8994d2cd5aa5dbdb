// SPDX-License-Identifier: Apache-2.0

#include <math.h>

#include "illmrec_kernels.h"

void illmrec_rope_table(size_t positions, const float *frequencies, size_t count, double scaling, float *cosine,
                        float *sine) {
  for (size_t e = 0; e < count; e++) {
    for (size_t position = 0; position < positions; position++) {
      float angle = (float)position / (float)scaling * frequencies[e];
      cosine[position * count + e] = (float)cos((double)angle);
      sine[position * count + e] = (float)sin((double)angle);
    }
  }
}
