// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE  // MADV_HUGEPAGE

#include "codes.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "illmrec_cpu.h"
#include "int8_steps.h"

// Integers of a query: 127 · 128, so that both bytes of the wider kernels hold their parts.
enum { INTEGER_MAX = 127 * 128 };

// A row whose largest magnitude lies outside is not coded: its bound is its norm. Inside, no product of a scale and a
// query's step leaves float32's normal numbers.
#define LEAST_CODED 0x1p-90f
#define LARGEST_CODED 0x1p90f

// Half the distance between 1 and the next float: no rounding errs by more, relatively.
#define ROUNDING 0x1p-24

// More than what any sum in double precision here errs by, relatively: dim · 2^-53 is 2^-37 at most.
#define DOUBLE_SLACK (1 + 0x1p-30)

// More than what the few float32 operations on terms that are not negative take off a bound.
#define FLOAT_SLACK (1 + 0x1p-20)

static float rounded_up(double value) {
  const float nearest = (float)value;
  return (double)nearest < value ? nextafterf(nearest, INFINITY) : nearest;
}

DISPATCHED static float largest_of_row(const float *x, size_t count) {
  return float_of_bits(largest_magnitude(x, count));
}

// Writes codes and returns the squared distance between the row and what they stand for.
DISPATCHED static double encode_elements(const float *row, size_t dim, float scale, float inverse_scale,
                                         uint8_t *codes) {
  double sums[16] = {0};
  for (size_t begin = 0; begin < dim; begin += 16) {
    const size_t count = dim - begin < 16 ? dim - begin : 16;
    for (size_t i = 0; i < count; i++) {
      // Adding 1.5 · 2^23 rounds to an integer, which is in the low bits then.
      const float shifted = row[begin + i] * inverse_scale + 0x1.8p+23f;
      codes[begin + i] = (uint8_t)(bits_of_float(shifted) + CODE_ZERO);
      const double left = (double)row[begin + i] - (double)scale * (double)(shifted - 0x1.8p+23f);
      sums[i] += left * left;
    }
  }
  double sum = 0;
  for (int i = 0; i < 16; i++) sum += sums[i];
  return sum;
}

static void encode_row(illmrec_codes *codes, const float *rows, uint32_t row, uint8_t *line) {
  const float *x = rows + (size_t)row * codes->dim;
  const float largest = largest_of_row(x, codes->dim);
  float scale = 0;
  double squares;
  if (largest >= LEAST_CODED && largest <= LARGEST_CODED) {
    // |x| / scale is at most 127 · (1 + 2^-22), which rounds to 127.
    scale = largest / CODE_MAX;
    squares = encode_elements(x, codes->dim, scale, 1 / scale, line);
  } else {
    memset(line, CODE_ZERO, codes->dim);
    squares = illmrec_squared_norm(x, codes->dim);
  }
  codes->scales[row] = scale;
  codes->residuals[row] = rounded_up(sqrt(squares) * DOUBLE_SLACK);
  uint32_t *panel = (uint32_t *)(codes->bytes + (size_t)(row / PANEL_ROWS) * codes->groups * PANEL_ROWS * GROUP);
  for (size_t g = 0; g < codes->groups; g++) memcpy(&panel[g * PANEL_ROWS + row % PANEL_ROWS], line + g * GROUP, GROUP);
}

struct encoding {
  illmrec_codes *codes;
  const float *rows;
  // [team size, groups * GROUP].
  uint8_t *lines;
};

static void work_on_encoding(void *context, size_t begin, size_t end, size_t worker) {
  struct encoding *encoding = context;
  uint8_t *line = encoding->lines + worker * encoding->codes->groups * GROUP;
  for (size_t row = begin; row < end; row++) encode_row(encoding->codes, encoding->rows, (uint32_t)row, line);
}

// One mapping for everything, in large pages where the system has them: a scan reads it from end to end, and with pages of
// 4 KiB waits for their addresses.
static bool map_memory(illmrec_codes *codes, size_t panels) {
  const size_t code_bytes = panels * codes->groups * PANEL_ROWS * GROUP;
  const size_t factor_bytes = panels * PANEL_ROWS * sizeof(float);
  codes->mapped_bytes = code_bytes + 2 * factor_bytes;
  codes->mapping =
      mmap(NULL, codes->mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (codes->mapping == MAP_FAILED) return false;
#if defined(MADV_HUGEPAGE)
  madvise(codes->mapping, codes->mapped_bytes, MADV_HUGEPAGE);
#endif
  codes->bytes = codes->mapping;
  codes->scales = (float *)(codes->bytes + code_bytes);
  codes->residuals = codes->scales + panels * PANEL_ROWS;
  return true;
}

illmrec_codes *illmrec_codes_create(const float *rows, uint32_t row_count, uint32_t dim, illmrec_team *team) {
  if (row_count == 0 || dim == 0) return NULL;
  illmrec_codes *codes = calloc(1, sizeof *codes);
  if (codes == NULL) return NULL;
  codes->row_count = row_count;
  codes->dim = dim;
  codes->groups = (dim + GROUP - 1) / GROUP;
  const size_t line_bytes = codes->groups * GROUP, lines_bytes = illmrec_team_size(team) * line_bytes;
  struct encoding encoding = {.codes = codes, .rows = rows, .lines = malloc(lines_bytes)};
  if (encoding.lines == NULL || !map_memory(codes, ((size_t)row_count + PANEL_ROWS - 1) / PANEL_ROWS)) {
    free(encoding.lines);
    free(codes);
    return NULL;
  }
  // The elements beyond a row's last stay so; those of a panel beyond the last row stay 0, and its bounds are not used.
  memset(encoding.lines, CODE_ZERO, lines_bytes);
  illmrec_team_run(team, row_count, 4 * PANEL_ROWS, work_on_encoding, &encoding);
  free(encoding.lines);
  return codes;
}

size_t illmrec_codes_bytes(const illmrec_codes *codes) { return codes->mapped_bytes; }

void illmrec_codes_destroy(illmrec_codes *codes) {
  if (codes == NULL) return;
  munmap(codes->mapping, codes->mapped_bytes);
  free(codes);
}

// MARK: Queries

// The step between a scaled query's integers: as small as they, and their sums with codes, allow.
static float choose_step(const float *vector, size_t dim, double scaling) {
  double largest = 0, sum = 0;
  for (size_t i = 0; i < dim; i++) {
    const double magnitude = fabs((double)vector[i]) * scaling;
    largest = magnitude > largest ? magnitude : largest;
    sum += magnitude;
  }
  if (largest == 0) return 1;
  // 127 · Σ|integer| < 2^31; rounding adds at most 1/2 to each magnitude.
  const double room = (double)INT32_MAX / CODE_MAX - (double)dim;
  return rounded_up(fmax(largest / INTEGER_MAX, sum / room) * FLOAT_SLACK);
}

static void write_words(const int32_t integers[GROUP], query_format format, uint32_t words[QUERY_WORDS]) {
  if (format == WORDS_OF_PAIRS) {
    words[0] = (uint32_t)(uint16_t)integers[0] | (uint32_t)(uint16_t)integers[2] << 16;
    words[1] = (uint32_t)(uint16_t)integers[1] | (uint32_t)(uint16_t)integers[3] << 16;
    return;
  }
  words[0] = words[1] = 0;
  for (int i = 0; i < GROUP; i++) {
    const int32_t high = (integers[i] + 64) >> 7, low = integers[i] - high * 128;
    words[0] |= (uint32_t)(uint8_t)high << (8 * i);
    words[1] |= (uint32_t)(uint8_t)low << (8 * i);
  }
}

// The weights of illmrec_search.h's bound, from the scaled query's norm and its distance from the integers.
static void weigh_errors(code_query *query, size_t dim, double norm, double distance) {
  const double roundings = (double)((dim + 15) / 16 + 4) * ROUNDING;
  const double summation = roundings / (1 - roundings);
  const double longest_codes = CODE_MAX * sqrt((double)dim);
  const double scale_weight = longest_codes * (distance + summation * norm + 6 * ROUNDING * (norm + distance));
  // Not 0: a residual may be infinite.
  query->residual_weight = rounded_up(fmax(norm * (1 + summation), FLT_MIN) * DOUBLE_SLACK * FLOAT_SLACK);
  query->scale_weight = rounded_up(scale_weight * DOUBLE_SLACK * FLOAT_SLACK);
  // Subnormal results err by up to 2^-150 each. 2^-120 covers what float32 cannot hold of the bound itself.
  query->constant = rounded_up(ldexp(2.0 * (double)(dim + 16), -150 - query->exponent) + 0x1p-120);
}

void encode_query(const float *vector, size_t dim, query_format format, code_query *query, uint32_t *words) {
  (void)frexp((double)largest_magnitude(vector, dim), &query->exponent);
  query->exponent--;
  query->offset = 0;
  const double scaling = ldexp(1, -query->exponent);
  query->step = choose_step(vector, dim, scaling);
  double squares = 0, missed = 0;
  for (size_t begin = 0; begin < dim; begin += GROUP, words += QUERY_WORDS) {
    int32_t integers[GROUP] = {0};
    for (size_t i = 0; i < GROUP && begin + i < dim; i++) {
      const double exact = (double)vector[begin + i] * scaling;
      integers[i] = (int32_t)lrint(exact / (double)query->step);
      const double left = exact - (double)query->step * integers[i];
      squares += exact * exact;
      missed += left * left;
      query->offset += CODE_ZERO * (uint32_t)integers[i];
    }
    write_words(integers, format, words);
  }
  weigh_errors(query, dim, sqrt(squares), sqrt(missed));
}

const code_kernel *code_kernel_for(illmrec_isa isa) {
  static const illmrec_variant variants[] = {
#if defined(__x86_64__)
    {ILLMREC_CPU_AVX512_VNNI, &code_kernel_avx512},
    {ILLMREC_CPU_AVX2, &code_kernel_avx2},
#endif
    {ILLMREC_CPU_PORTABLE, &code_kernel_portable},
  };
  return illmrec_choose(variants, isa);
}

void illmrec_codes_bounds(const illmrec_codes *codes, const float *query, illmrec_isa isa, double *lower,
                          double *upper) {
  const code_kernel *kernel = code_kernel_for(isa);
  uint32_t *words = calloc(codes->groups * QUERY_WORDS, sizeof *words);
  if (words == NULL) return;
  code_query encoded;
  encode_query(query, codes->dim, kernel->format, &encoded, words);
  for (uint32_t row = 0; row < codes->row_count; row += PANEL_ROWS) {
    const code_panel panel = panel_at(codes, row / PANEL_ROWS);
    panel_bounds bounds;
    kernel->bound_one(&panel, words, 0, &encoded, &bounds);
    for (uint32_t r = 0; r < PANEL_ROWS && row + r < codes->row_count; r++) {
      lower[row + r] = ldexp((double)bounds.lower[r], encoded.exponent);
      upper[row + r] = ldexp((double)bounds.upper[r], encoded.exponent);
    }
  }
  free(words);
}
