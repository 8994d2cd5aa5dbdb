// SPDX-License-Identifier: Apache-2.0

#include <string.h>

#include "illmrec_kernels.h"

void illmrec_patches(const float *image, size_t channels, size_t height, size_t width, size_t patch, float *out) {
  for (size_t i = 0; i < height / patch; i++) {
    for (size_t j = 0; j < width / patch; j++) {
      for (size_t c = 0; c < channels; c++) {
        for (size_t y = 0; y < patch; y++, out += patch) {
          memcpy(out, image + (c * height + i * patch + y) * width + j * patch, patch * sizeof *out);
        }
      }
    }
  }
}
