#include <math.h>

#include "blocks.h"
#include "dispatch.h"

typedef struct {
  float *x;
  size_t heads;
  size_t half;
  const int32_t *positions;
  const float *cosine;
  const float *sine;
} rope;

DISPATCHED static void rotate_rows(void *context, size_t begin, size_t end, size_t worker) {
  (void)worker;
  const rope *r = context;
  for (size_t row = begin; row < end; row++) {
    const float *restrict cosine = r->cosine + (size_t)r->positions[row] * r->half;
    const float *restrict sine = r->sine + (size_t)r->positions[row] * r->half;
    for (size_t head = 0; head < r->heads; head++) {
      float *restrict low = r->x + (row * r->heads + head) * 2 * r->half;
      float *restrict high = low + r->half;
      for (size_t e = 0; e < r->half; e++) {
        float a = low[e], b = high[e];
        low[e] = a * cosine[e] - b * sine[e];
        high[e] = b * cosine[e] + a * sine[e];
      }
    }
  }
}

void illmrec_rope(illmrec_team *team, float *x, size_t rows, size_t heads, size_t head_width,
                  const int32_t *positions, const float *cosine, const float *sine) {
  rope r = {.x = x, .heads = heads, .half = head_width / 2, .positions = positions, .cosine = cosine, .sine = sine};
  illmrec_team_run(team, rows, rows_per_block(heads * head_width), rotate_rows, &r);
}

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
