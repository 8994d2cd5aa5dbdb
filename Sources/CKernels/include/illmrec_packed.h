// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "illmrec_kernels.h"

/// Matrix products whose matrix was packed once: in bfloat16 or in 8-bit integers.
///
/// Layout 1. Outputs lie in panels of 32, the last one filled up with zeros. A panel is a sequence of groups, one for
/// each 2 (bfloat16) or 4 (int8) neighbouring inputs; a group holds 32 words of 32 bits, word o the group's inputs of
/// output o. Every compute path reads this layout. An int8 panel begins with its outputs' 32 scales (float); its
/// elements are stored plus 128.
///
/// A packed matrix lies on a 64-byte boundary and is `illmrec_packed_bytes` long.

#ifdef __cplusplus
extern "C" {
#endif

/// Changes when the layout does.
enum { ILLMREC_PACKED_LAYOUT = 1 };

typedef enum {
  ILLMREC_PACKED_BFLOAT16 = 1,
  /// Symmetric, with a scale for each output; rows are rounded to 8 bits with a scale of their own when they are read.
  ILLMREC_PACKED_INT8 = 2,
  /// Groups of one input as a float. Never kept: `illmrec_linear` packs a panel when it multiplies it.
  ILLMREC_PACKED_FLOAT32 = 3,
} illmrec_packed_format;

/// How a file stores elements.
typedef enum {
  ILLMREC_ELEMENT_FLOAT32 = 0,
  ILLMREC_ELEMENT_FLOAT16 = 1,
  ILLMREC_ELEMENT_BFLOAT16 = 2,
} illmrec_element;

/// Which instructions multiply.
typedef enum {
  /// Plain C.
  ILLMREC_PATH_PORTABLE = 0,
  /// bfloat16 is widened in registers and multiplied in 32 bits; int8 by 16-bit products.
  ILLMREC_PATH_AVX2 = 1,
  /// int8 alone: the 256-bit form of VNNI.
  ILLMREC_PATH_AVX_VNNI = 2,
  /// bfloat16 is widened in registers and multiplied in 32 bits; int8 by AVX-512 VNNI.
  ILLMREC_PATH_AVX512 = 3,
  /// bfloat16 alone: products of bfloat16 pairs, for which x is rounded too.
  ILLMREC_PATH_AVX512_BF16 = 4,
} illmrec_path;

enum { ILLMREC_PATH_COUNT = 5 };

/// The most inputs of an int8 matrix: beyond, a sum of products may not fit 32 bits.
enum { ILLMREC_INT8_MAX_INPUTS = 65536 };

/// Whether this machine runs `path` for `format`.
bool illmrec_path_supported(illmrec_packed_format format, illmrec_path path);

/// GFLOP/s that one thread reaches on `path` in a product that fits its caches; measured for a millisecond at each call.
double illmrec_path_speed(illmrec_packed_format format, illmrec_path path);

/// Bytes of a packed matrix.
size_t illmrec_packed_bytes(illmrec_packed_format format, size_t outputs, size_t inputs);

/// Packs a matrix. bfloat16 elements keep their bits, others are rounded to nearest even.
///
/// rows: [outputs] addresses of rows of `inputs` elements each, which need no alignment.
/// Returns the first output that holds a NaN or an infinity, or `outputs`.
size_t illmrec_pack(illmrec_team *team, illmrec_packed_format format, illmrec_element element, const void *const *rows,
                    size_t outputs, size_t inputs, void *packed);

/// The values that products see of one output's row: [inputs].
void illmrec_unpack_row(illmrec_packed_format format, const void *packed, size_t inputs, size_t output, float *out);

/// y[t, o] = sum over i of x[t, i] * weight[o, i], plus bias[o] unless `bias` is NULL, plus the former y[t, o] when
/// `accumulate` is not 0.
///
/// x: [rows, inputs], rows `x_stride` apart. packed: [outputs, inputs]. y: [rows, outputs], rows `y_stride` apart; may
/// not overlap the inputs. A row of x with a NaN or an infinity gives a row of y that has one. A row of y is the same to the
/// last bit whatever rows are computed with it, and on any number of threads.
/// Returns 0, or -1 when there is no memory for the packed rows.
int illmrec_packed_linear(illmrec_team *team, illmrec_packed_format format, illmrec_path path, const float *x,
                          size_t rows, size_t inputs, size_t x_stride, const void *packed, size_t outputs,
                          const float *bias, int accumulate, float *y, size_t y_stride);

/// dx[t, i] = sum over o of dy[t, o] * weight[o, i], plus the former dx[t, i] when `accumulate` is not 0: the gradient by the
/// input of a linear layer whose weight is frozen. bfloat16 matrices only.
///
/// dy: [rows, outputs], rows `dy_stride` apart; rounded as `path` rounds rows. packed: [outputs, inputs]. dx: [rows, inputs],
/// rows `dx_stride` apart; may not overlap the inputs. The transpose is made panel by panel in the second-level cache, and
/// not kept.
/// Returns 0, or -1 when there is no memory.
int illmrec_packed_linear_backward_input(illmrec_team *team, illmrec_path path, const float *dy, size_t rows,
                                         size_t outputs, size_t dy_stride, const void *packed, size_t inputs,
                                         int accumulate, float *dx, size_t dx_stride);

#ifdef __cplusplus
}
#endif
