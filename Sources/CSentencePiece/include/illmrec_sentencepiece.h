// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stddef.h>
#include <stdint.h>

/// SentencePiece behind a C interface. No C++ exception crosses it.

#ifdef __cplusplus
extern "C" {
#endif

/// A loaded model. Immutable: any thread may use it at any time. Owned by the caller until
/// `illmrec_sentencepiece_destroy`.
typedef struct illmrec_sentencepiece illmrec_sentencepiece;

typedef enum {
  ILLMREC_SENTENCEPIECE_OK = 0,
  /// The bytes are not a model, or the training text is not enough.
  ILLMREC_SENTENCEPIECE_INVALID = 1,
  ILLMREC_SENTENCEPIECE_NO_MEMORY = 2,
} illmrec_sentencepiece_status;

/// Reads a serialised model (the content of a tokenizer.model).
///
/// On failure *out is NULL and, unless NULL, *message says why; free it with `illmrec_sentencepiece_free`.
illmrec_sentencepiece_status illmrec_sentencepiece_create(const void *model, size_t size, illmrec_sentencepiece **out,
                                                          char **message);

/// NULL is allowed.
void illmrec_sentencepiece_destroy(illmrec_sentencepiece *processor);

/// Number of pieces.
int32_t illmrec_sentencepiece_size(const illmrec_sentencepiece *processor);

/// Id of a piece, or of the unknown piece when the model has no such piece.
int32_t illmrec_sentencepiece_piece_to_id(const illmrec_sentencepiece *processor, const char *piece, size_t size);

/// Id of the unknown piece.
int32_t illmrec_sentencepiece_unknown_id(const illmrec_sentencepiece *processor);

/// What a piece stands for.
typedef enum {
  ILLMREC_SENTENCEPIECE_TEXT = 0,
  /// The byte that its name tells, such as <0x0A>.
  ILLMREC_SENTENCEPIECE_BYTE = 1,
  /// No text: it steers the model, or is what no piece covers.
  ILLMREC_SENTENCEPIECE_NO_TEXT = 2,
} illmrec_sentencepiece_kind;

/// The piece of an id from 0 to below the number of pieces: *size bytes of UTF-8, which live as long as the model.
const char *illmrec_sentencepiece_piece(const illmrec_sentencepiece *processor, int32_t id, size_t *size,
                                        illmrec_sentencepiece_kind *kind);

/// Characters, in Unicode scalars, of the longest piece. 0 when a text's pieces may be fewer than its characters divided by that:
/// when there are no bytes for what no piece covers, or a piece goes on behind a space that is not at its beginning.
int32_t illmrec_sentencepiece_longest_piece(const illmrec_sentencepiece *processor);

/// Tokenises UTF-8 text. *ids holds *count ids; free it with `illmrec_sentencepiece_free`.
illmrec_sentencepiece_status illmrec_sentencepiece_encode(const illmrec_sentencepiece *processor, const char *text,
                                                          size_t size, int32_t **ids, size_t *count);

/// Trains a model in the manner of LLaMA's: byte-pair merges with bytes for what no piece covers, digits apart,
/// spaces kept.
///
/// lines: `line_count` zero-terminated UTF-8 texts. vocabulary_size: upper bound of the pieces. *model holds *size
/// bytes; free it with `illmrec_sentencepiece_free`. On failure *message says why, as above.
illmrec_sentencepiece_status illmrec_sentencepiece_train(const char *const *lines, size_t line_count,
                                                         int32_t vocabulary_size, void **model, size_t *size,
                                                         char **message);

/// Frees what a function above handed out; NULL is allowed.
void illmrec_sentencepiece_free(void *memory);

#ifdef __cplusplus
}
#endif
