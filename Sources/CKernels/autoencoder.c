// SPDX-License-Identifier: Apache-2.0

#include "illmrec_autoencoder.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>

#include "lapack.h"

// Factorisations of OpenBLAS do not all stop at what is no number.
static int is_finite(const double *matrix, size_t items, int lower_only) {
  for (size_t i = 0; i < items; i++) {
    for (size_t j = 0; j < (lower_only ? i + 1 : items); j++) {
      if (!isfinite(matrix[i * items + j])) return 0;
    }
  }
  return 1;
}

// Columns that are worked on together: so much is done between two questions whether to go on.
enum { block = 128 };

static size_t block_at(size_t start, size_t items) { return items - start < block ? items - start : block; }

// The work up to a row: n³/3 to factorise and 2n³/3 to invert, of which (n - start)³ of n³ is left.
static double share_left(size_t start, size_t items) {
  const double left = (double)(items - start) / (double)items;
  return left * left * left;
}

// The lower triangle L of matrix = L Lᵀ, in its place.
static int factorise(double *matrix, size_t items, illmrec_goes_on goes_on, void *context) {
  const blasint stride = (blasint)items;
  for (size_t k = 0; k < items; k += block) {
    if (!goes_on(context, (1 - share_left(k, items)) / 3)) return 1;
    const size_t width = block_at(k, items), rest = items - k - width;
    const blasint order = (blasint)width;
    double *corner = matrix + k * items + k;
    // Fortran's upper triangle is the lower one of rows.
    blasint info = 0;
    dpotrf_("U", &order, corner, &stride, &info, 1);
    if (info != 0) return -1;
    double *below = corner + width * items;
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (blasint)rest, order, 1.0, corner,
                stride, below, stride);
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, (blasint)rest, order, -1.0, below, stride, 1.0, below + width,
                stride);
  }
  return 0;
}

// The lower triangle of (L Lᵀ)⁻¹ in the place of L. The rows from a block on of the block's columns depend on L's from there on
// alone, so that a column that is done may take the place of L's. columns: [items, block].
static int invert(double *matrix, size_t items, double *columns, illmrec_goes_on goes_on, void *context) {
  const blasint stride = (blasint)items;
  for (size_t k = 0; k < items; k += block) {
    if (!goes_on(context, 1.0 / 3 + (1 - share_left(k, items)) * 2 / 3)) return 1;
    const size_t width = block_at(k, items), rows = items - k;
    double *corner = matrix + k * items + k;
    for (size_t i = 0; i < rows * width; i++) columns[i] = i % (width + 1) == 0 && i < width * width;
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, (blasint)rows, (blasint)width, 1.0,
                corner, stride, columns, (blasint)width);
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasTrans, CblasNonUnit, (blasint)rows, (blasint)width, 1.0,
                corner, stride, columns, (blasint)width);
    for (size_t i = 0; i < rows; i++) {
      for (size_t j = 0; j < width && j <= i; j++) corner[i * items + j] = columns[i * width + j];
    }
  }
  return 0;
}

int illmrec_autoencoder(double *matrix, size_t items, double regularization, illmrec_goes_on goes_on, void *context) {
  if (!is_finite(matrix, items, 1)) return -1;
  // The diagonal of P, and then room to work in.
  double *diagonal = malloc((1 + block) * items * sizeof *diagonal);
  if (diagonal == NULL) return -1;
  for (size_t i = 0; i < items; i++) matrix[i * items + i] += regularization;
  int failed = factorise(matrix, items, goes_on, context);
  if (failed == 0) failed = invert(matrix, items, diagonal + items, goes_on, context);
  if (failed == 0) {
    for (size_t i = 0; i < items; i++) diagonal[i] = matrix[i * items + i];
    for (size_t i = 0; i < items; i++) {
      for (size_t j = 0; j < i; j++) {
        const double inverse = matrix[i * items + j];
        matrix[i * items + j] = -inverse / diagonal[j];
        matrix[j * items + i] = -inverse / diagonal[i];
      }
      matrix[i * items + i] = 0;
    }
  }
  free(diagonal);
  return failed;
}

// The subspace that is iterated on, and room to work in.
typedef struct {
  const double *matrix;
  size_t items, width;
  double *work;  // [work_length]
  blasint work_length;
  double *scales;  // [width]: of reflectors, and then eigenvalues
  double *small;   // [width, width]
} subspace;

// result = rows · matrix, or rows · matrixᵀ. rows, result: [width, items].
static void multiply(const subspace *s, const double *rows, CBLAS_TRANSPOSE transposed, double *result) {
  const blasint items = (blasint)s->items;
  cblas_dgemm(CblasRowMajor, CblasNoTrans, transposed, (blasint)s->width, items, items, 1.0, rows, items, s->matrix,
              items, 0.0, result, items);
}

// Makes rows orthonormal: to Fortran they are columns. rows: [width, items].
static blasint orthonormalise(const subspace *s, double *rows) {
  const blasint items = (blasint)s->items, width = (blasint)s->width;
  blasint info = 0;
  dgeqrf_(&items, &width, rows, &items, s->scales, s->work, &s->work_length, &info);
  if (info == 0) dorgqr_(&items, &width, &width, rows, &items, s->scales, s->work, &s->work_length, &info);
  return info;
}

// The singular vectors of basisᵀ · image: eigenvectors of image · imageᵀ, which are 's rows of `small` in ascending order.
static blasint diagonalise(const subspace *s, const double *image) {
  const blasint items = (blasint)s->items, width = (blasint)s->width;
  blasint info = 0;
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, width, items, 1.0, image, items, 0.0, s->small, width);
  dsyev_("V", "U", &width, s->small, &width, s->scales, s->work, &s->work_length, &info, 1, 1);
  return info;
}

// One column of the two factors. side, other: [items]. square: of the singular value.
static void write_column(const double *side, const double *other, size_t items, double square, double greatest,
                         size_t column, size_t rank, float *left, float *right) {
  const double value = sqrt(square > 0 ? square : 0);
  const int known = value > 1e-6 * greatest;
  size_t largest = 0;
  for (size_t i = 1; i < items; i++) {
    if (fabs(side[i]) > fabs(side[largest])) largest = i;
  }
  const double root = known ? sqrt(value) * (side[largest] < 0 ? -1 : 1) : 0;
  for (size_t i = 0; i < items; i++) {
    left[i * rank + column] = (float)(side[i] * root);
    right[i * rank + column] = known ? (float)(other[i] / value * root) : 0;
  }
}

static int factor(const subspace *s, double *basis, double *image, size_t iterations, size_t rank, float *left,
                  float *right, illmrec_goes_on goes_on, void *context) {
  multiply(s, basis, CblasTrans, image);
  blasint info = orthonormalise(s, image);
  for (size_t k = 0; k < iterations && info == 0; k++) {
    if (!goes_on(context, (double)(2 * k) / (double)(2 * iterations + 1))) return 1;
    multiply(s, image, CblasNoTrans, basis);
    info = orthonormalise(s, basis);
    if (info != 0) return -1;
    if (!goes_on(context, (double)(2 * k + 1) / (double)(2 * iterations + 1))) return 1;
    multiply(s, basis, CblasTrans, image);
    info = orthonormalise(s, image);
  }
  if (info != 0) return -1;
  // image: an orthonormal basis of what the columns span; basis: its product with the matrix.
  multiply(s, image, CblasNoTrans, basis);
  info = diagonalise(s, basis);
  if (info != 0) return -1;
  double *side = malloc(2 * s->items * sizeof *side);
  if (side == NULL) return -1;
  double *other = side + s->items;
  const blasint items = (blasint)s->items, width = (blasint)s->width;
  const double greatest = sqrt(s->scales[s->width - 1] > 0 ? s->scales[s->width - 1] : 0);
  for (size_t c = 0; c < rank; c++) {
    const double *weights = s->small + (s->width - 1 - c) * s->width;
    cblas_dgemv(CblasRowMajor, CblasTrans, width, items, 1.0, image, items, weights, 1, 0.0, side, 1);
    cblas_dgemv(CblasRowMajor, CblasTrans, width, items, 1.0, basis, items, weights, 1, 0.0, other, 1);
    write_column(side, other, s->items, s->scales[s->width - 1 - c], greatest, c, rank, left, right);
  }
  free(side);
  return 0;
}

int illmrec_low_rank(const double *matrix, size_t items, double *basis, size_t width, size_t iterations, size_t rank,
                     float *left, float *right, illmrec_goes_on goes_on, void *context) {
  if (!is_finite(matrix, items, 0)) return -1;
  // 64 columns at a time, LAPACK's usual block.
  const size_t work_length = 64 * (width + 2);
  double *image = malloc(width * items * sizeof *image);
  double *room = malloc((work_length + width + width * width) * sizeof *room);
  int failed = -1;
  if (image != NULL && room != NULL) {
    const subspace s = {
        matrix, items, width, room, (blasint)work_length, room + work_length, room + work_length + width};
    failed = factor(&s, basis, image, iterations, rank, left, right, goes_on, context);
  }
  free(image);
  free(room);
  return failed;
}
