// SPDX-License-Identifier: Apache-2.0

// SentencePiece models of any bytes: what is loaded tokenises a text, into ids that it has.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "illmrec_sentencepiece.h"

static const char text[] = "Gr\xc3\xbcner Wollpullover, size M \xe2\x96\x81 \xf0\x9f\x90\x91";

void fuzz_one(const uint8_t *bytes, size_t count) {
  illmrec_sentencepiece *model = NULL;
  char *message = NULL;
  if (illmrec_sentencepiece_create(bytes, count, &model, &message) == ILLMREC_SENTENCEPIECE_OK) {
    int32_t *ids = NULL, pieces = illmrec_sentencepiece_size(model);
    size_t tokens = 0;
    illmrec_sentencepiece_longest_piece(model);
    illmrec_sentencepiece_piece_to_id(model, "Woll", 4);
    if (illmrec_sentencepiece_encode(model, text, sizeof text - 1, &ids, &tokens) == ILLMREC_SENTENCEPIECE_OK) {
      for (size_t i = 0; i < tokens; i++) fuzz_require(ids[i] >= 0 && ids[i] < pieces, "tokens are pieces");
    }
    illmrec_sentencepiece_free(ids);
  }
  illmrec_sentencepiece_free(message);
  illmrec_sentencepiece_destroy(model);
}

void fuzz_make_seeds(void) {
  const char *lines[60];
  char words[60][64];
  for (int i = 0; i < 60; i++) {
    snprintf(words[i], sizeof words[i], "item %d of wool and %s in colour %c", i, i % 2 ? "linen" : "silk",
             'a' + i % 26);
    lines[i] = words[i];
  }
  void *model = NULL;
  size_t size = 0;
  char *message = NULL;
  illmrec_sentencepiece_train(lines, 60, 320, &model, &size, &message);
  fuzz_require(model != NULL, message != NULL ? message : "a model is trained");
  fuzz_seed("small", model, size);
  illmrec_sentencepiece_free(model);
  illmrec_sentencepiece_free(message);
}
