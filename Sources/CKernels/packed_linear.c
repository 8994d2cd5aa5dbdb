// SPDX-License-Identifier: Apache-2.0

#include "packed.h"
#include "team.h"

enum {
  // Rows that are packed at a time; weights are read again for the next ones.
  ROWS_AT_ONCE = 512,
  // Of the rows of one slab that pass over a panel, and of the slabs that pass over a group of panels: shares of a
  // second-level cache of 1 MB or more.
  SLAB_BYTES = 96 * 1024,
  CHUNK_BYTES = 640 * 1024,
  // Of a panel that a slab passes over.
  PART_BYTES = 192 * 1024,
  // Most panels of a group: they stay in that cache while the rows pass.
  PANELS_MAX = 4,
  // Multiply-adds below which waking the team costs more than it saves.
  TEAM_WORTHWHILE = 1 << 18,
  ALIGNMENT = 64,
};

typedef struct product product;

// One product of up to ROWS_AT_ONCE rows.
struct product {
  illmrec_packed_format format;
  const packed_path *path;
  const float *x;
  size_t rows, inputs, x_stride;
  const uint32_t *packed;
  // Of `packed`.
  size_t first_panel;
  size_t outputs;
  const float *bias;
  bool accumulate;
  float *y;
  size_t y_stride;

  size_t slabs;
  size_t groups;
  // Groups that a tile multiplies before the next tile's turn; the sums of several blocks meet in y.
  size_t block_groups;
  // Slabs that pass over a group of panels together.
  size_t chunk_slabs;
  size_t threads;
  // What makes a panel when it is needed, from `source`, and memory for the panels of each worker; NULL when `packed` is
  // there.
  void (*make_panel)(const product *, size_t panel, uint32_t *out);
  const void *source;
  uint32_t *made;
  uint32_t *words;
  float *row_scales;
  float *inverse_scales;
  int32_t *row_sums;
};

// Slabs differ by one row at most.
static size_t first_row(const product *p, size_t slab) { return p->rows * slab / p->slabs; }

// Words of one group of a slab.
static size_t group_words(const product *p) { return words_per_group(p->format, p->path->rows) * p->path->lanes; }

// Block by block, slab by slab: what passes over a panel together lies together.
static uint32_t *slab_words(const product *p, size_t slab, size_t first_group, size_t groups) {
  return p->words + (first_group * p->slabs + slab * groups) * group_words(p);
}

static size_t block_end(const product *p, size_t first_group) {
  return p->groups - first_group < p->block_groups ? p->groups : first_group + p->block_groups;
}

static void pack_slabs(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const product *p = context;
  for (size_t slab = begin; slab < end; slab++) {
    const size_t row = first_row(p, slab);
    const row_source source = {.format = p->path->rows,
                               .words_per_group = words_per_group(p->format, p->path->rows),
                               .lanes = p->path->lanes,
                               .x = p->x + row * p->x_stride,
                               .x_stride = p->x_stride,
                               .row_count = first_row(p, slab + 1) - row,
                               .inputs = p->inputs,
                               .inverse_scales = p->inverse_scales + row,
                               .sums = p->row_sums + row};
    for (size_t r = 0; source.format == ROWS_INT8 && r < source.row_count; r++) {
      measure_row(source.x + r * p->x_stride, p->inputs, &p->row_scales[row + r], &p->inverse_scales[row + r]);
      p->row_sums[row + r] = 0;
    }
    for (size_t g = 0; g < p->groups; g += p->block_groups) {
      const size_t count = block_end(p, g) - g;
      pack_rows(&source, g, count, slab_words(p, slab, g, count));
    }
  }
}

static const uint32_t *panel_start(const product *p, size_t panel) {
  return p->packed + (panel - p->first_panel) * panel_words(p->format, p->inputs);
}

// The weights of one panel for the groups from g on.
static const uint32_t *panel_part(const product *p, size_t panel, size_t g) {
  return panel_start(p, panel) + scale_words(p->format) + g * PANEL;
}

// The slabs [slab, slab_end) times the groups [g, g_end) of one panel. Two slabs fetch `next` meanwhile, half each, so that
// memory is read all the time and not by each panel's first slab alone; NULL when it is not known.
static void multiply_panel(const product *p, size_t panel, size_t g, size_t g_end, size_t slab, size_t slab_end,
                           const uint32_t *next) {
  const uint32_t *part = panel_part(p, panel, g);
  const bool fetches = next != NULL && slab_end - slab >= 2;
  const size_t column = panel * PANEL, half = (g_end - g) * PANEL / 2;
  for (size_t pass = 0; slab < slab_end; slab++, pass++) {
    const size_t row = first_row(p, slab);
    const packed_tile tile = {.rows = slab_words(p, slab, g, g_end - g),
                              .panel = part,
                              .next = fetches && pass < 2 ? next + pass * half : part,
                              .groups = g_end - g,
                              .row_count = first_row(p, slab + 1) - row,
                              .columns = p->outputs - column < PANEL ? p->outputs - column : PANEL,
                              .y = p->y + row * p->y_stride + column,
                              .y_stride = p->y_stride,
                              .adds = p->accumulate || g > 0,
                              .bias = p->bias == NULL || g > 0 ? NULL : p->bias + column,
                              .row_scales = p->row_scales + row,
                              .row_sums = p->row_sums + row,
                              .scales = (const float *)panel_start(p, panel)};
    p->path->multiply(&tile);
  }
}

// What is multiplied after the last of the panels [begin, end): their next block, or what this thread is likely to be given.
static const uint32_t *part_after(const product *p, size_t begin, size_t end, size_t next_group) {
  if (next_group < p->groups) return panel_part(p, begin, next_group);
  if (p->make_panel != NULL) return NULL;
  const size_t panel = begin + p->threads * (end - begin);
  return panel * PANEL < p->outputs ? panel_part(p, panel, 0) : NULL;
}

static void multiply_panels(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const product *p = context;
  for (size_t g = 0; g < p->groups; g += p->block_groups) {
    const size_t g_end = block_end(p, g);
    for (size_t slab = 0; slab < p->slabs; slab += p->chunk_slabs) {
      const size_t slab_end = p->slabs - slab < p->chunk_slabs ? p->slabs : slab + p->chunk_slabs;
      for (size_t panel = begin; panel < end; panel++) {
        const bool is_last = panel + 1 == end;
        const uint32_t *next = !is_last              ? panel_part(p, panel + 1, g)
                               : slab_end < p->slabs ? panel_part(p, begin, g)
                                                     : part_after(p, begin, end, g_end);
        multiply_panel(p, panel, g, g_end, slab, slab_end, next);
      }
    }
  }
}

static void make_transposed(const product *p, size_t panel, uint32_t *out) {
  transpose_panel(p->source, p->inputs, p->outputs, panel, out);
}

static void make_floats(const product *p, size_t panel, uint32_t *out) {
  pack_float_panel(p->source, p->outputs, p->inputs, panel, out);
}

// The panels [begin, end), which are made one by one.
static void multiply_made(void *context, size_t begin, size_t end, size_t worker) {
  const product *p = context;
  const size_t words = panel_words(p->format, p->inputs);
  for (size_t panel = begin; panel < end; panel++) {
    product one = *p;
    uint32_t *made = p->made + worker * words;
    p->make_panel(p, panel, made);
    one.packed = made;
    one.first_panel = panel;
    multiply_panels(&one, panel, panel + 1, worker);
  }
}

// The group size that leaves the team's threads with the most equal shares; the larger of those that do equally well.
static size_t panels_per_group(size_t panels, size_t threads) {
  size_t best = 1, least_idle = SIZE_MAX;
  for (size_t count = PANELS_MAX; count >= 1; count--) {
    const size_t groups = (panels + count - 1) / count, rounds = (groups + threads - 1) / threads;
    const size_t idle = rounds * count * threads - panels;
    if (idle < least_idle) {
      best = count;
      least_idle = idle;
    }
  }
  return best;
}

static size_t round_up(size_t value, size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

static void plan(product *p) {
  const size_t bytes = group_words(p) * sizeof(uint32_t);
  p->slabs = (p->rows + p->path->rows_max - 1) / p->path->rows_max;
  p->groups = groups_of(p->format, p->inputs);
  // 8-bit products are summed in integers, which y cannot hold: all of a row passes at once.
  const size_t by_slab = (p->groups * bytes + SLAB_BYTES - 1) / SLAB_BYTES;
  const size_t by_part = (p->groups * PANEL * sizeof(uint32_t) + PART_BYTES - 1) / PART_BYTES;
  const size_t blocks = p->format == ILLMREC_PACKED_INT8 ? 1 : by_slab > by_part ? by_slab : by_part;
  p->block_groups = (p->groups + blocks - 1) / blocks;
  p->chunk_slabs = CHUNK_BYTES / (p->block_groups * bytes);
  if (p->chunk_slabs == 0) p->chunk_slabs = 1;
}

static size_t words_bytes(const product *p) {
  return round_up(p->slabs * p->groups * group_words(p) * sizeof(uint32_t), ALIGNMENT);
}

static size_t row_bytes(const product *p) { return round_up(3 * p->rows * sizeof(float), ALIGNMENT); }

static size_t made_bytes(const product *p, illmrec_team *team) {
  return p->make_panel == NULL ? 0 : illmrec_team_size(team) * panel_words(p->format, p->inputs) * sizeof(uint32_t);
}

// Words of all slabs, then three numbers for each row, then a panel for each worker.
static void divide_scratch(product *p, void *scratch) {
  p->words = scratch;
  p->row_scales = (float *)((char *)scratch + words_bytes(p));
  p->inverse_scales = p->row_scales + p->rows;
  p->row_sums = (int32_t *)(p->inverse_scales + p->rows);
  p->made = (uint32_t *)((char *)scratch + words_bytes(p) + row_bytes(p));
}

static void run(illmrec_team *team, product *p) {
  const size_t threads = illmrec_team_size(team);
  const size_t panels = (p->outputs + PANEL - 1) / PANEL;
  const bool alone = threads == 1 || p->rows * p->inputs * p->outputs < TEAM_WORTHWHILE;
  illmrec_team_run(alone || p->slabs < 2 * threads ? NULL : team, p->slabs, 1, pack_slabs, p);
  p->threads = alone ? 1 : threads;
  if (p->make_panel != NULL) {
    illmrec_team_run(alone ? NULL : team, panels, 1, multiply_made, p);
  } else {
    illmrec_team_run(alone ? NULL : team, panels, panels_per_group(panels, threads), multiply_panels, p);
  }
}

// Of rows and a matrix that is still to be named.
static product product_of(illmrec_packed_format format, const packed_path *path, const float *x, size_t rows,
                          size_t inputs, size_t x_stride, size_t outputs, int accumulate, float *y, size_t y_stride) {
  return (product){.format = format,
                   .path = path,
                   .x = x,
                   .rows = rows,
                   .inputs = inputs,
                   .x_stride = x_stride,
                   .outputs = outputs,
                   .accumulate = accumulate != 0,
                   .y = y,
                   .y_stride = y_stride};
}

// All rows, ROWS_AT_ONCE at a time.
static int run_all(illmrec_team *team, const product *all) {
  if (all->rows == 0 || all->outputs == 0) return 0;
  for (size_t row = 0; row < all->rows; row += ROWS_AT_ONCE) {
    product p = *all;
    p.x += row * p.x_stride;
    p.y += row * p.y_stride;
    p.rows = all->rows - row < ROWS_AT_ONCE ? all->rows - row : ROWS_AT_ONCE;
    plan(&p);
    team_scratch scratch;
    if (!borrow_scratch(team, words_bytes(&p) + row_bytes(&p) + made_bytes(&p, team), &scratch)) return -1;
    divide_scratch(&p, scratch.memory);
    run(team, &p);
    return_scratch(team, scratch);
  }
  return 0;
}

int illmrec_packed_linear(illmrec_team *team, illmrec_packed_format format, illmrec_path path, const float *x,
                          size_t rows, size_t inputs, size_t x_stride, const void *packed, size_t outputs,
                          const float *bias, int accumulate, float *y, size_t y_stride) {
  product p =
      product_of(format, packed_path_for(format, path), x, rows, inputs, x_stride, outputs, accumulate, y, y_stride);
  p.packed = packed;
  p.bias = bias;
  return run_all(team, &p);
}

int illmrec_packed_linear_backward_input(illmrec_team *team, illmrec_path path, const float *dy, size_t rows,
                                         size_t outputs, size_t dy_stride, const void *packed, size_t inputs,
                                         int accumulate, float *dx, size_t dx_stride) {
  product p = product_of(ILLMREC_PACKED_BFLOAT16, packed_path_for(ILLMREC_PACKED_BFLOAT16, path), dy, rows, outputs,
                         dy_stride, inputs, accumulate, dx, dx_stride);
  p.source = packed;
  p.make_panel = make_transposed;
  return run_all(team, &p);
}

int illmrec_linear(illmrec_team *team, illmrec_isa isa, const float *x, size_t rows, size_t inner, size_t x_stride,
                   const float *weight, size_t outer, const float *bias, int accumulate, float *y, size_t y_stride) {
  product p = product_of(ILLMREC_PACKED_FLOAT32, packed_float32_path(isa), x, rows, inner, x_stride, outer, accumulate,
                         y, y_stride);
  p.source = weight;
  p.make_panel = make_floats;
  p.bias = bias;
  return run_all(team, &p);
}
