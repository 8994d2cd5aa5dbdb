#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a golden for the text encoder: a random sentence encoder, and what Hugging Face transformers answers for it.

    python3 -m venv .venv-text
    .venv-text/bin/pip install torch transformers safetensors
    .venv-text/bin/python scripts/make-text-golden.py OUT [options]
    ILLMREC_TEXT_GOLDENS=OUT swift test --filter TextGoldenTests

`make check-text` does all of it for both families. OUT/encoder is the checkpoint, OUT/expected.json holds the texts, their token
ids and their vectors, computed in float32 on the CPU. With --checkpoint DIR no encoder is made: DIR, such as a download of
sentence-transformers/all-mpnet-base-v2, is linked into OUT and asked instead.
"""
import argparse
import json
import os
import random
import unicodedata

import torch
from transformers import AutoModel, BertConfig, BertModel, BertTokenizer, MPNetConfig, MPNetModel, MPNetTokenizer

TEXTS = [
    "", " ", "\t\r\n", "a", "Title: red lamp. Brand: Lumo. Category: lamps.", "UPPER lower MiXed", "don't; won't -- U.S.A. (1,000.50)",
    "Café crème brûlée à la carte, naïve façade", "Cafe\u0301 with a combining accent", "ÅÄÖ ñ ß ẞ İstanbul ıI ΑΣ σς ΌΣΟΣ",
    "emoji 👍🏽 👩‍👩‍👧 ❤️ 🇩🇪 done", "名前 mug 東京タワー 한국어 カタカナ ひらがな", "𠀀𪜀𫝀𫠠𫤠 豈丽", "tab\tnewline\nnull\x00 bell\x07 del\x7f nel\x85",
    "zero\u200bwidth soft\u00adhyphen bom\ufeff \ufffd pua\ue000", "nbsp\u00a0em\u2003ideographic\u3000line\u2028para\u2029",
    "x" * 100, "x" * 101, "lamp" * 26, "¿Qué? «quoted» “curly” … — –", "math ∑ ∫ √ ≤ ± × ÷ ² ³ ½ № ™ © €£¥", "a^b_c~d`e|f$g+h<i=j>k",
    "[CLS] [SEP] [MASK] [PAD] [UNK] inside", "<s> </s> <pad> <mask> <unk> inside", "[cls] <S> <MASK> in other case", "a<mask>b [MASK]c",
    "שָׁלוֹם عَرَبِيّ हिन्दी ไทย ქართული Ελληνικά Русский ё й", "ǅ ﬁ ﬂ ĳ Ⅷ ㎏ ½", "\u0301\u0302 lone accents e\u0323\u0301\u0302",
    "new ᪿ 𞤀𞤢 𐔰 \U0001f9ff \u1734 \ua9bd \u166d \U000111c9 \U00011935", " spaces   between    words ", "lamp " * 600, "mug, " * 40, "1" * 99 + " 2" * 20,
]
WORDS = ("red blue green lamp chair shirt mug kettle scarf the and with for men women steel wool vintage title brand category "
         "feature detailed description cafe creme naive inside emoji done spaces between words upper lower mixed").split()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--checkpoint", help="an existing sentence encoder instead of a random one")
    parser.add_argument("--family", choices=("bert", "mpnet"), default="mpnet")
    parser.add_argument("--shape", default="60,3,5,150", help="width,layers,heads,mlp")
    parser.add_argument("--positions", type=int, default=300)
    parser.add_argument("--max-length", type=int, default=None, help="max_seq_length of sentence_bert_config.json")
    parser.add_argument("--pooling", choices=("mean", "cls"), default="mean")
    parser.add_argument("--normalize", action="store_true")
    parser.add_argument("--cased", action="store_true", help="do_lower_case false")
    parser.add_argument("--bare", action="store_true", help="no modules.json: a plain Hugging Face model")
    parser.add_argument("--format", choices=("safetensors", "bin"), default="safetensors")
    parser.add_argument("--prefixed", action="store_true", help="names with the prefix bert. or mpnet.")
    parser.add_argument("--json-only", action="store_true", help="tokenizer.json instead of vocab.txt")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def vocabulary(family, rng):
    """Special tokens, characters of the texts with and without ##, words and pieces of words; some characters are left out."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] if family == "bert" else ["<s>", "<pad>", "</s>", "<unk>", "[UNK]"]
    text = "".join(TEXTS)
    variants = text + text.lower() + unicodedata.normalize("NFD", text) + unicodedata.normalize("NFD", text.lower())
    characters = [c for c in sorted(set(variants)) if not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf")]
    characters = [c for c in characters if c.isascii() or rng.random() < 0.8]
    pieces = {word[:n] for word in WORDS for n in range(2, len(word) + 1) if rng.random() < 0.5 or n == len(word)}
    pieces |= {"##" + word[n:] for word in WORDS for n in range(1, len(word)) if rng.random() < 0.5}
    rest = characters + ["##" + c for c in characters] + sorted(pieces)
    return list(dict.fromkeys(special + rest + (["<mask>"] if family == "mpnet" else [])))


def make_checkpoint(directory, options, rng):
    width, layers, heads, mlp = map(int, options.shape.split(","))
    os.makedirs(directory)
    tokens = vocabulary(options.family, rng)
    with open(f"{directory}/vocab.txt", "w", encoding="utf-8") as file:
        file.write("\n".join(tokens) + "\n")
    shape = dict(vocab_size=len(tokens), hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
                 intermediate_size=mlp, max_position_embeddings=options.positions, initializer_range=0.3)
    model = BertModel(BertConfig(**shape)) if options.family == "bert" else MPNetModel(MPNetConfig(**shape, layer_norm_eps=1e-5))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or "LayerNorm" in name:
                parameter.add_(0.1 * torch.randn_like(parameter))
    state = {(f"{options.family}." if options.prefixed else "") + name: value.contiguous() for name, value in model.state_dict().items()}
    model.config.save_pretrained(directory)
    if options.format == "bin":
        torch.save(state, f"{directory}/pytorch_model.bin")
    else:
        from safetensors.torch import save_file
        save_file(state, f"{directory}/model.safetensors", {"format": "pt"})
    with open(f"{directory}/tokenizer_config.json", "w") as file:
        json.dump({"do_lower_case": not options.cased, "model_max_length": 512}, file)
    if options.json_only:
        tokenizer = tokenizer_of(options.family, directory)
        os.remove(f"{directory}/vocab.txt")
        tokenizer.save_pretrained(directory)
    if not options.bare:
        write_modules(directory, options, width)


def write_modules(directory, options, width):
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")] + ([("2_Normalize", "Normalize")] if options.normalize else [])
    with open(f"{directory}/modules.json", "w") as file:
        json.dump([{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
                   for i, (path, kind) in enumerate(modules)], file)
    os.makedirs(f"{directory}/1_Pooling")
    with open(f"{directory}/1_Pooling/config.json", "w") as file:
        json.dump({"word_embedding_dimension": width, "pooling_mode_cls_token": options.pooling == "cls",
                   "pooling_mode_mean_tokens": options.pooling == "mean", "pooling_mode_max_tokens": False,
                   "pooling_mode_mean_sqrt_len_tokens": False}, file)
    if options.max_length:
        with open(f"{directory}/sentence_bert_config.json", "w") as file:
            json.dump({"max_seq_length": options.max_length, "do_lower_case": False}, file)


def tokenizer_of(family, directory):
    return (BertTokenizer if family == "bert" else MPNetTokenizer).from_pretrained(directory)


def settings(directory):
    """max_seq_length, pooling and normalisation, from the checkpoint's own files."""
    def read(name):
        path = f"{directory}/{name}"
        return json.load(open(path)) if os.path.exists(path) else None
    config = read("config.json")
    positions = config["max_position_embeddings"] - (2 if config["model_type"] == "mpnet" else 0)
    limit = (read("sentence_bert_config.json") or {}).get("max_seq_length") or min(positions, 512)
    modules = [module["type"].split(".")[-1] for module in read("modules.json") or []]
    uses_first = (read("1_Pooling/config.json") or {}).get("pooling_mode_cls_token", False)
    return config["model_type"], limit, uses_first, "Normalize" in modules


@torch.no_grad()
def answers(directory):
    family, limit, uses_first, normalizes = settings(directory)
    tokenizer = tokenizer_of(family, directory)
    model = AutoModel.from_pretrained(directory).float().eval()
    expected = {"texts": TEXTS, "token_ids": [], "vectors": []}
    for text in TEXTS:
        ids = tokenizer(text, truncation=True, max_length=limit).input_ids
        hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
        vector = hidden[0] if uses_first else hidden.mean(0)
        vector = torch.nn.functional.normalize(vector, dim=0) if normalizes else vector
        expected["token_ids"].append(ids)
        expected["vectors"].append(vector.tolist())
    return expected


def main():
    options = arguments()
    torch.manual_seed(options.seed)
    encoder = f"{options.out}/encoder"
    os.makedirs(options.out, exist_ok=True)
    if options.checkpoint:
        os.symlink(os.path.abspath(options.checkpoint), encoder)
    else:
        make_checkpoint(encoder, options, random.Random(options.seed))
    expected = answers(encoder)
    with open(f"{options.out}/expected.json", "w") as file:
        json.dump(expected, file)
    print(f"Wrote {options.out}: {len(TEXTS)} texts, vectors of {len(expected['vectors'][0])}")


if __name__ == "__main__":
    main()
