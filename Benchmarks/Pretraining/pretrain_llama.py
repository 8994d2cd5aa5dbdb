#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pretrains a small LLaMA, with a vocabulary of its own, on the texts of a prepared data set's training items.

    python3 -m venv .venv-pretraining
    .venv-pretraining/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu
    .venv-pretraining/bin/pip install transformers sentencepiece numpy
    .venv-pretraining/bin/python Benchmarks/Pretraining/pretrain_llama.py DATA OUT

DATA is what `illmrec data prepare` wrote: meta_info.json, train_users.json. Only items that somebody's training sequence holds are read,
as titles, categories and descriptions; who met them is not. OUT becomes an llm/ directory: config.json, model.safetensors,
tokenizer.model, tokenizer_config.json. A twentieth of the items is held out to watch the loss.
"""
import argparse
import json
import pathlib
import time

import numpy
import sentencepiece
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from prepared_data import training_items

# What prompts consist of besides the items' words, so that the vocabulary has pieces for it.
FRAME = (
    "Your job is to recommend a suitable next item based on a user's interacted items. This user has chronologically interacted with "
    "following items: where each interacted item's information is contained in curly brackets (i.e.,{}). Please conduct an analysis of "
    "user preferences based on the interacted items, and then generate a recommendation token for the next item to be consumed: "
    "{Title: Visual representation: } Brand: Category: Description: ")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("out")
    parser.add_argument("--shape", default="96,3,4,256", help="width,layers,heads,mlp")
    parser.add_argument("--vocabulary", type=int, default=4096)
    parser.add_argument("--context", type=int, default=256, help="tokens of a training window")
    parser.add_argument("--positions", type=int, default=4096, help="max_position_embeddings of the written configuration")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def training_texts(data):
    """One text for each item that was trained on."""
    texts = []
    for _, item in training_items(data):
        fields = {name: item.get(name.lower()) or "" for name in ("Title", "Brand", "Category", "Description")}
        texts.append("{" + ", ".join(f"{name}: {value}" for name, value in fields.items() if value) + "}")
    return texts


def vocabulary(texts, size, out):
    out.mkdir(parents=True, exist_ok=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts + 20 * [FRAME]), model_prefix=str(out / "tokenizer"), vocab_size=size, model_type="bpe",
        byte_fallback=True, character_coverage=0.9995, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, split_digits=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, max_sentence_length=20000, minloglevel=2)
    (out / "tokenizer.vocab").unlink()
    (out / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": True,
         "add_eos_token": False, "legacy": False}))
    return sentencepiece.SentencePieceProcessor(model_file=str(out / "tokenizer.model"))


def windows(tokens, length):
    count = (len(tokens) - 1) // length
    return torch.from_numpy(numpy.asarray(tokens[:count * length], numpy.int64).reshape(count, length))


def mean_loss(model, batches):
    with torch.no_grad():
        return numpy.mean([model(input_ids=batch, labels=batch).loss.item() for batch in batches])


def main():
    options = arguments()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    out = pathlib.Path(options.out)
    texts = training_texts(pathlib.Path(options.data))
    pieces = vocabulary(texts, options.vocabulary, out)
    draw = numpy.random.RandomState(options.seed).permutation(len(texts))
    held = set(draw[:len(texts) // 20].tolist())
    parts = {False: [], True: []}
    for index in draw.tolist():
        parts[index in held] += [1, *pieces.encode(texts[index]), 2]
    trained, watched = (windows(parts[part], options.context) for part in (False, True))
    width, layers, heads, mlp = map(int, options.shape.split(","))
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=options.vocabulary, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=mlp,
        max_position_embeddings=options.positions, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False))
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, weight_decay=0.1, betas=(0.9, 0.95))
    steps = options.epochs * (len(trained) // options.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.learning_rate, total_steps=steps, pct_start=0.1)
    print(f"{len(texts)} items, {trained.numel()} tokens, {sum(p.numel() for p in model.parameters())} weights", flush=True)
    begin = time.time()
    for epoch in range(options.epochs):
        losses = []
        for some in torch.randperm(len(trained)).split(options.batch)[:len(trained) // options.batch]:
            loss = model(input_ids=trained[some], labels=trained[some]).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1} of {options.epochs}: loss {numpy.mean(losses):.3f} nats a token, on items held out "
              f"{mean_loss(model, watched.split(options.batch)):.3f}, {time.time() - begin:.0f} s", flush=True)
    model.save_pretrained(out)
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
