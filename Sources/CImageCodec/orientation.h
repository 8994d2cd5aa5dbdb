// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stdint.h>

/// Puts `columns` stored pixels of row `y`, from column `x` on, where they are seen. `width` and `height` are those of the
/// stored image; `canvas` has the pixels as they are seen, whose sides are exchanged in orientations 5 to 8.
void illmrec_image_place(const uint8_t *rgb, int32_t columns, int32_t x, int32_t y, int32_t width, int32_t height,
                         int orientation, uint8_t *canvas);
