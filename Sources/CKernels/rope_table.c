// SPDX-License-Identifier: Apache-2.0

#include <math.h>

#include "illmrec_kernels.h"

void illmrec_rope_table(size_t positions, size_t head_width, double base, double scaling, float *cosine, float *sine) {
  size_t half = head_width / 2;
  for (size_t e = 0; e < half; e++) {
    float power = (float)pow(base, (double)((float)(2 * e) / (float)head_width));
    float frequency = 1.0f / power;
    for (size_t position = 0; position < positions; position++) {
      float angle = (float)position / (float)scaling * frequency;
      cosine[position * half + e] = (float)cos((double)angle);
      sine[position * half + e] = (float)sin((double)angle);
    }
  }
}
