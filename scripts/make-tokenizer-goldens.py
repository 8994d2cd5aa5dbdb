#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes Tests/ModelsTests/Tokenizer/TokenizerGoldens+Cases.swift: small tokenizer.json of each family with texts and the ids that
PyPI's `tokenizers` gives them. The vocabularies are trained here on the texts themselves.

    pip install tokenizers==0.22.1 && scripts/make-tokenizer-goldens.py
"""

import json
import pathlib

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

OUTPUT = pathlib.Path(__file__).parent.parent / "Tests/ModelsTests/Tokenizer/TokenizerGoldens+Cases.swift"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
TEXTS = [
    "",
    " ",
    "the red lamp",
    " The  red   lamp ",
    "don't DON'T it'S 'ſx we'Re y'all'd",
    "tea\r\n\r\n  tea\t\ttea \n",
    "1234567 3.14 ١٢٣ Ⅷ x²",
    "Größe Gro\u0308ße \u1112\u1161\u11ab ﬁ ｶﾞ \u2126",
    "(tea)!!!\n\n...--- #tea",
    "日本語の lamp กำ 👩‍👩‍👧 \u0301a\0",
    "a\u00a0b\u3000c\u2028d\u0085e",
    "▁the▁ lamp",
    "{Title: lamp, Visual representation: <i_vis>}, <i_vis>",
    "lamp <|end|> lamp<|end|>",
    "the lamp, lampthe  <pad>  lamp",
    "U\U000e004e\u0323 \U0002f800\u0301 \U000118c0",
]


def byte_pairs(pre_tokenizer, normalizer=None, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(TEXTS * 2, trainers.BpeTrainer(vocab_size=300, show_progress=False, initial_alphabet=alphabet))
    return tokenizer


def split(pattern):
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def sentencepiece(normalizer, pre_tokenizer):
    """Pieces and merges of LLaMA's kind, with bytes for what they lack."""
    merges = [("▁", "t"), ("h", "e"), ("▁t", "he"), ("l", "a"), ("m", "p"), ("la", "mp"), ("▁", "lamp"), ("▁", "▁"), ("r", "ed")]
    merges.insert(8, ("e", "d"))
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    for piece in [p for merge in merges for p in merge] + list("aGroße"):
        if piece not in pieces and len(piece) == 1:
            pieces.append(piece)
    pieces += [left + right for left, right in merges]
    ids = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(ids, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ["<unk>", "<s>", "</s>"]])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


def unigram(normalizer, pre_tokenizer):
    pieces = [("<unk>", 0.0), ("</s>", 0.0), ("▁", -3.0), ("▁the", -4.0), ("▁lamp", -5.0), ("lamp", -5.5), ("▁re", -6.0), ("d", -6.5)]
    pieces += [(letter, -7.0 - index / 8) for index, letter in enumerate("abceghilmnoprstuvx.,ß日本")]
    tokenizer = Tokenizer(models.Unigram(pieces, 0, False))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return tokenizer


def with_tokens(tokenizer):
    tokenizer.add_special_tokens([AddedToken("<|end|>", special=True, normalized=False)])
    tokenizer.add_tokens(
        [
            AddedToken("<pad>", lstrip=True, rstrip=True, normalized=False),
            AddedToken("the", single_word=True),
            AddedToken("Größe"),
            "<i_vis>",
        ]
    )
    return tokenizer


FAMILIES = {
    "GPT-2": lambda: with_tokens(byte_pairs(pre_tokenizers.ByteLevel(add_prefix_space=False))),
    "GPT-2 with a space before": lambda: byte_pairs(pre_tokenizers.ByteLevel(add_prefix_space=True)),
    "SmolLM2": lambda: byte_pairs(
        pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    ),
    "Llama 3": lambda: with_tokens(byte_pairs(split(LLAMA3), ignore_merges=True)),
    "Qwen2": lambda: with_tokens(byte_pairs(split(QWEN2), normalizers.NFC())),
    "compatibility forms": lambda: with_tokens(
        byte_pairs(split(QWEN2), normalizers.Sequence([normalizers.Strip(), normalizers.NFKC(), normalizers.Lowercase()]))
    ),
    "LLaMA, legacy": lambda: with_tokens(
        sentencepiece(normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), None)
    ),
    "LLaMA": lambda: with_tokens(sentencepiece(None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False))),
    "Gemma": lambda: sentencepiece(normalizers.Replace(" ", "▁"), pre_tokenizers.Split(" ", "merged_with_previous")),
    "Unigram": lambda: with_tokens(
        unigram(
            normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Replace(Regex(" {2,}"), " ")]),
            pre_tokenizers.Metaspace(),
        )
    ),
    "Unigram of words": lambda: unigram(
        normalizers.NFC(), pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    ),
}


def swift(text):
    """As a literal: everything beyond ASCII in escapes."""
    return '"' + "".join(c if " " <= c <= "~" and c not in '"\\' else f"\\u{{{ord(c):X}}}" for c in text) + '"'


def main():
    lines = []
    for name, make in FAMILIES.items():
        tokenizer = make()
        text = json.dumps(json.loads(tokenizer.to_str()), separators=(",", ":"))
        expected = [tokenizer.encode(text).ids for text in TEXTS]
        lines += [f"    TokenizerGolden(", f"      name: {swift(name)},", f'      file: ####"{text}"####,', "      ids: ["]
        lines += [f"        {ids}," for ids in expected]
        lines += ["      ]),"]
    OUTPUT.write_text(
        "// SPDX-License-Identifier: Apache-2.0\n"
        f"// Written by scripts/make-tokenizer-goldens.py with PyPI's tokenizers {tokenizers.__version__}.\n"
        "// swift-format-ignore-file\n\n"
        "extension TokenizerGolden {\n"
        "  static let texts: [String] = [\n" + "".join(f"    {swift(text)},\n" for text in TEXTS) + "  ]\n\n"
        "  static let all: [TokenizerGolden] = [\n" + "\n".join(lines) + "\n  ]\n}\n"
    )
    print(f"{len(FAMILIES)} tokenizers with {len(TEXTS)} texts in {OUTPUT.name}, {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
