// SPDX-License-Identifier: Apache-2.0

#include "illmrec_sentencepiece.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct illmrec_sentencepiece {
  sentencepiece::SentencePieceProcessor processor;
};

namespace {

using Status = illmrec_sentencepiece_status;

template <typename Element>
Element *copied(const Element *elements, size_t count) {
  auto *copy = static_cast<Element *>(std::malloc(count * sizeof(Element) + 1));
  if (copy == nullptr) throw std::bad_alloc();
  if (count > 0) std::memcpy(copy, elements, count * sizeof(Element));
  return copy;
}

void say(char **message, const std::string &text) {
  if (message != nullptr) *message = copied(text.c_str(), text.size() + 1);
}

// The one place where C++ exceptions end.
template <typename Body>
Status guarded(char **message, Body body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc &) {
    return ILLMREC_SENTENCEPIECE_NO_MEMORY;
  } catch (const std::exception &exception) {
    try {
      say(message, exception.what());
    } catch (...) {
    }
    return ILLMREC_SENTENCEPIECE_INVALID;
  } catch (...) {
    return ILLMREC_SENTENCEPIECE_INVALID;
  }
}

Status refused(const sentencepiece::util::Status &status, char **message) {
  say(message, status.ToString());
  return ILLMREC_SENTENCEPIECE_INVALID;
}

class Lines final : public sentencepiece::SentenceIterator {
 public:
  Lines(const char *const *lines, size_t count) : lines_(lines), count_(count) { read(); }
  bool done() const override { return index_ >= count_; }
  void Next() override {
    index_++;
    read();
  }
  const std::string &value() const override { return line_; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  void read() {
    if (index_ < count_) line_ = lines_[index_];
  }

  const char *const *lines_;
  size_t count_;
  size_t index_ = 0;
  std::string line_;
};

}  // namespace

Status illmrec_sentencepiece_create(const void *model, size_t size, illmrec_sentencepiece **out, char **message) {
  *out = nullptr;
  return guarded(message, [&] {
    auto result = std::make_unique<illmrec_sentencepiece>();
    auto status = result->processor.LoadFromSerializedProto({static_cast<const char *>(model), size});
    if (!status.ok()) return refused(status, message);
    *out = result.release();
    return ILLMREC_SENTENCEPIECE_OK;
  });
}

void illmrec_sentencepiece_destroy(illmrec_sentencepiece *processor) { delete processor; }

int32_t illmrec_sentencepiece_size(const illmrec_sentencepiece *processor) {
  return processor->processor.GetPieceSize();
}

int32_t illmrec_sentencepiece_piece_to_id(const illmrec_sentencepiece *processor, const char *piece, size_t size) {
  return processor->processor.PieceToId({piece, size});
}

int32_t illmrec_sentencepiece_unknown_id(const illmrec_sentencepiece *processor) {
  return processor->processor.unk_id();
}

const char *illmrec_sentencepiece_piece(const illmrec_sentencepiece *processor, int32_t id, size_t *size,
                                        illmrec_sentencepiece_kind *kind) {
  const auto &pieces = processor->processor;
  const std::string &piece = pieces.IdToPiece(id);
  *size = piece.size();
  *kind = pieces.IsByte(id)                              ? ILLMREC_SENTENCEPIECE_BYTE
          : pieces.IsControl(id) || pieces.IsUnknown(id) ? ILLMREC_SENTENCEPIECE_NO_TEXT
                                                         : ILLMREC_SENTENCEPIECE_TEXT;
  return piece.data();
}

int32_t illmrec_sentencepiece_longest_piece(const illmrec_sentencepiece *processor) {
  static constexpr std::string_view space = "\xE2\x96\x81";
  const auto &pieces = processor->processor;
  int32_t longest = 0;
  bool has_bytes = false;
  for (int id = 0; id < pieces.GetPieceSize(); id++) {
    has_bytes = has_bytes || pieces.IsByte(id);
    if (pieces.IsByte(id) || pieces.IsControl(id) || pieces.IsUnknown(id)) continue;
    std::string_view piece = pieces.IdToPiece(id);
    // The first space behind a character that is none.
    std::string_view rest = piece;
    while (rest.substr(0, space.size()) == space) rest.remove_prefix(space.size());
    if (rest.find(space) != rest.npos) return 0;
    int32_t characters = 0;
    for (unsigned char byte : piece) characters += (byte & 0xC0) != 0x80;
    if (characters > longest) longest = characters;
  }
  return has_bytes ? longest : 0;
}

Status illmrec_sentencepiece_encode(const illmrec_sentencepiece *processor, const char *text, size_t size,
                                    int32_t **ids, size_t *count) {
  *ids = nullptr;
  *count = 0;
  return guarded(nullptr, [&] {
    std::vector<int> encoded;
    if (!processor->processor.Encode(std::string_view(text, size), &encoded).ok()) return ILLMREC_SENTENCEPIECE_INVALID;
    *ids = copied(encoded.data(), encoded.size());
    *count = encoded.size();
    return ILLMREC_SENTENCEPIECE_OK;
  });
}

Status illmrec_sentencepiece_train(const char *const *lines, size_t line_count, int32_t vocabulary_size, void **model,
                                   size_t *size, char **message) {
  *model = nullptr;
  *size = 0;
  return guarded(message, [&] {
    Lines iterator(lines, line_count);
    std::string trained;
    // By a map: given as one text, the trainer logs its arguments before it reads the log's level among them.
    const std::unordered_map<std::string, std::string> arguments = {
        {"model_type", "bpe"},
        {"byte_fallback", "true"},
        {"character_coverage", "1.0"},
        {"normalization_rule_name", "identity"},
        {"remove_extra_whitespaces", "false"},
        {"split_digits", "true"},
        {"hard_vocab_limit", "false"},
        {"num_threads", "1"},
        {"minloglevel", "2"},
        {"vocab_size", std::to_string(vocabulary_size)},
    };
    auto status = sentencepiece::SentencePieceTrainer::Train(arguments, &iterator, &trained);
    if (!status.ok()) return refused(status, message);
    *model = copied(trained.data(), trained.size());
    *size = trained.size();
    return ILLMREC_SENTENCEPIECE_OK;
  });
}

void illmrec_sentencepiece_free(void *memory) { std::free(memory); }
