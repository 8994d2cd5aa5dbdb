#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a golden: a random checkpoint in the published layout, and what the reference framework answers for it.

    python3 -m venv .venv-golden
    .venv-golden/bin/pip install torch "transformers==4.37.2" sentencepiece protobuf safetensors pillow
    .venv-golden/bin/python scripts/make-golden.py OUT [options]
    illmrec verify OUT
    illmrec train --golden OUT      (when it was made with --train)

With --checkpoint DIR no checkpoint is made: DIR, trained with the published code, is linked into OUT and asked instead.
Everything is computed in float32 on the CPU, from Hugging Face's SiglipVisionModel, LlamaTokenizer and LlamaForCausalLM.
"""
import argparse
import io
import json
import os
import random
import shutil

import numpy as np
import sentencepiece
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file, save_file
from transformers import (LlamaConfig, LlamaForCausalLM, LlamaTokenizer, SiglipImageProcessor, SiglipVisionConfig,
                          SiglipVisionModel)

from golden_training import SPACES, adaptor, merge_adapter, mlp, placed, replayed

FEATURE_DIMS = {"cf": 50, "text": 768}
HEAD = ("Your job is to recommend a suitable next item based on a user's interacted items. This user has "
        "chronologically interacted with following items: [")
TAIL = ("], where each interacted item's information is contained in curly brackets (i.e.,{}). Please conduct an "
        "analysis of user preferences based on the interacted items, and then generate a recommendation token for the "
        "next item to be consumed: ")
TITLES = ["green kettle", "", "Café crème 250 ml", "trail shoe (wide) {men}", "名前 mug", "wool scarf, striped",
          "USB-C cable 2 m", "lamp 100% linen", "The Big Puzzle: 1,000 pieces", "knife", "a  double  space", "♥ card"]
WORDS = "red blue green lamp chair shirt toy mug kettle scarf shoe the and with for men women kids steel wool vintage"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--checkpoint", help="an existing checkpoint instead of a random one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--items", type=int, default=12)
    parser.add_argument("--vision", default="64,2,4,160,56,14", help="width,layers,heads,mlp,image,patch")
    parser.add_argument("--llm", default="64,2,4,2,168", help="width,layers,heads,kv heads,mlp")
    parser.add_argument("--vocabulary", type=int, default=420, help="pieces of the tokenizer that is trained")
    parser.add_argument("--tokenizer", help="a tokenizer.model to use instead")
    parser.add_argument("--rope-theta", type=float, default=10000.0)
    parser.add_argument("--rope-factor", type=float, default=None, help="linear RoPE scaling")
    parser.add_argument("--tie", action="store_true", help="tie_word_embeddings")
    parser.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), default="float32", help="of the LLM's file")
    parser.add_argument("--format", choices=("safetensors", "bin"), default="safetensors", help="of the LLM and the tower")
    parser.add_argument("--shard", default="10GB", help="largest file of the LLM, such as 200KB")
    parser.add_argument("--space-dim", type=int, default=32)
    parser.add_argument("--no-token-embed", action="store_true", help="leave llm_parameter/ out")
    parser.add_argument("--train", action="store_true", help="also write train.json, five training steps")
    parser.add_argument("--llm-directory", action="store_true", help="weights of the LLM in OUT/llm-weights")
    return parser.parse_args()


def train_tokenizer(path, vocabulary, rng):
    words = WORDS.split()
    text = [HEAD, TAIL] * 20 + [" ".join(rng.choices(words, k=12)) for _ in range(400)]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text), model_writer=model, model_type="bpe", vocab_size=vocabulary, byte_fallback=True,
        character_coverage=1.0, normalization_rule_name="identity", remove_extra_whitespaces=False,
        add_dummy_prefix=True, split_digits=True, hard_vocab_limit=False, minloglevel=2)
    with open(path, "wb") as file:
        file.write(model.getvalue())


def random_rec_module(v, d, p):
    def linear(name, inputs, outputs):
        return {f"{name}.weight": torch.randn(outputs, inputs) / inputs ** 0.5, f"{name}.bias": torch.randn(outputs) * 0.1}

    def norm(name, width):
        return {f"{name}.weight": 1 + 0.1 * torch.randn(width), f"{name}.bias": 0.1 * torch.randn(width)}

    weights = {"rec_token": torch.randn(1, d) * 0.5}
    weights |= linear("adaptor.proj_v2c", v, 512) | norm("adaptor.layernorm", 512) | linear("adaptor.interface", 512, d)
    for space in SPACES:
        for side, inputs in (("i", FEATURE_DIMS.get(space, v)), ("u", d)):
            name = f"f_{side}_{space}.mlp"
            weights |= linear(f"{name}.0", inputs, 2 * p) | norm(f"{name}.1", 2 * p) | linear(f"{name}.3", 2 * p, p)
    return weights


def make_checkpoint(checkpoint, options, rng):
    width, layers, heads, mlp, image, patch = map(int, options.vision.split(","))
    tower = SiglipVisionModel(SiglipVisionConfig(
        hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=mlp, image_size=image,
        patch_size=patch))
    d, llm_layers, llm_heads, kv_heads, llm_mlp = map(int, options.llm.split(","))
    for name in ("llm", "rec_module", "vision_tower"):
        os.makedirs(f"{checkpoint}/{name}")
    if options.tokenizer:
        shutil.copy(options.tokenizer, f"{checkpoint}/llm/tokenizer.model")
    else:
        train_tokenizer(f"{checkpoint}/llm/tokenizer.model", options.vocabulary, rng)
    tokenizer = LlamaTokenizer(f"{checkpoint}/llm/tokenizer.model", legacy=False)
    base = len(tokenizer)
    tokenizer.add_tokens(["<i_vis>"])
    tokenizer.pad_token = tokenizer.unk_token
    tokenizer.save_pretrained(f"{checkpoint}/llm")
    llm = LlamaForCausalLM(LlamaConfig(
        vocab_size=base, hidden_size=d, num_hidden_layers=llm_layers, num_attention_heads=llm_heads,
        num_key_value_heads=kv_heads, intermediate_size=llm_mlp, tie_word_embeddings=options.tie,
        max_position_embeddings=4096, rope_theta=options.rope_theta, rms_norm_eps=1e-5,
        rope_scaling=options.rope_factor and {"type": "linear", "factor": options.rope_factor}))
    with torch.no_grad():
        for model in (tower, llm):
            for name, value in model.named_parameters():
                if value.dim() == 1:
                    value.add_(torch.randn_like(value) * 0.1)
                else:
                    value.normal_(0, 0.6 if "embed" in name or "probe" in name else 1.2 / value.shape[-1] ** 0.5)
    torch_files = options.format == "bin"
    weights = f"{checkpoint}/../llm-weights" if options.llm_directory else f"{checkpoint}/llm"
    dtype = getattr(torch, options.dtype)
    llm.to(dtype).save_pretrained(weights, max_shard_size=options.shard, safe_serialization=not torch_files)
    tower.save_pretrained(f"{checkpoint}/vision_tower", safe_serialization=not torch_files)
    SiglipImageProcessor(size={"height": image, "width": image}).save_pretrained(f"{checkpoint}/vision_tower")
    save_file(random_rec_module(width, d, options.space_dim), f"{checkpoint}/rec_module/model.safetensors", {"format": "pt"})
    with open(f"{checkpoint}/rec_module/config.json", "w") as file:
        json.dump({"model_type": "projector", "visual_encoder": "siglip", "llm_dim": d, "proj_dim": options.space_dim}, file)
    if not options.no_token_embed:
        os.makedirs(f"{checkpoint}/llm_parameter")
        trained = llm.model.embed_tokens.weight.detach()
        trained = torch.cat([trained, trained.mean(0, keepdim=True)]) + 0.05 * torch.randn(base + 1, d, dtype=dtype)
        torch.save({"weight": trained}, f"{checkpoint}/llm_parameter/token_embed.pth")


def draw_images(directory, count, rng):
    os.makedirs(directory)
    for index in range(count):
        size = (rng.randrange(60, 400), rng.randrange(60, 400))
        image = Image.new("RGB", size, tuple(rng.randrange(256) for _ in range(3)))
        draw = ImageDraw.Draw(image)
        for _ in range(rng.randrange(3, 12)):
            x, y = sorted(rng.randrange(size[0]) for _ in range(2)), sorted(rng.randrange(size[1]) for _ in range(2))
            shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
            shape((x[0], y[0], x[1] + 1, y[1] + 1), fill=tuple(rng.randrange(256) for _ in range(3)))
        image.save(f"{directory}/{index}.jpg", quality=rng.randrange(60, 96))


def embedding_table(checkpoint, llm):
    path = f"{checkpoint}/llm_parameter/token_embed.pth"
    if not os.path.exists(path):
        return llm.model.embed_tokens.weight
    stored = torch.load(path, map_location="cpu", weights_only=True)
    return (next(iter(stored.values())) if isinstance(stored, dict) else stored).float()


def prompt_style(checkpoint):
    with open(f"{checkpoint}/rec_module/config.json") as file:
        style = json.load(file).get("prompt_style", "image")
    if style not in ("image", "compact"):
        raise SystemExit(f"{checkpoint} has prompts of the style {style}, which has no soft tokens to make a golden of")
    return style


@torch.no_grad()
def answers(checkpoint, weights_directory, images, titles, rng):
    """What the services are to answer, for prompts of the style that the checkpoint says it was trained with."""
    style = prompt_style(checkpoint)
    processor = SiglipImageProcessor.from_pretrained(f"{checkpoint}/vision_tower")
    tower = SiglipVisionModel.from_pretrained(f"{checkpoint}/vision_tower").float().eval()
    tokenizer = LlamaTokenizer.from_pretrained(f"{checkpoint}/llm", legacy=False)
    # In the files' own type first, as the published code loads it: the rotary tables keep that type's rounding.
    llm = LlamaForCausalLM.from_pretrained(weights_directory, torch_dtype="auto").float().eval()
    merge_adapter(checkpoint, llm)
    rec = {name: value.float() for name, value in load_file(f"{checkpoint}/rec_module/model.safetensors").items()}
    table = embedding_table(checkpoint, llm)
    marker = tokenizer.convert_tokens_to_ids("<i_vis>")

    pixels = processor([Image.open(path).convert("RGB") for path in images], return_tensors="pt").pixel_values
    embeddings = tower(pixels).pooler_output
    soft_tokens, item_vectors = adaptor(rec, embeddings), mlp(rec, "f_i_img", embeddings)
    expected = {"images": [
        {"title": title, "file": os.path.basename(path), "embedding": e.tolist(), "soft_token": s.tolist(),
         "item_vector": i.tolist()}
        for title, path, e, s, i in zip(titles, images, embeddings, soft_tokens, item_vectors)], "histories": []}

    for length in (1, 2, 4, 7, min(10, len(images))):
        items = rng.sample(range(len(images)), length)
        listed = ", ".join(f"{{Title: {titles[i] or 'Unknown'}, Visual representation: <i_vis>}}" for i in items)
        if style == "compact":
            prompt = "<s>" + "<i_vis>" * length
            ids = torch.tensor([tokenizer.bos_token_id] + [marker] * length)
        else:
            prompt = HEAD + listed + TAIL
            ids = torch.tensor(tokenizer(prompt).input_ids)
        at = (ids == marker).nonzero()[:, 0]
        assert len(at) == len(items), "a title holds the marker"
        known = ids.clone()
        known[at] = 0
        rows = table[known].clone()
        rows[at] = placed(rec, soft_tokens[items])
        rows = torch.cat([rows, rec["rec_token"].reshape(1, -1)])
        hidden = llm.model(inputs_embeds=rows[None]).last_hidden_state[0, -1]
        users = {space: mlp(rec, f"f_u_{space}", hidden) for space in SPACES}
        scores = item_vectors @ users["img"]
        expected["histories"].append({
            "items": items, "titles": [titles[i] for i in items], "prompt": prompt, "token_ids": ids.tolist(),
            "hidden_state": hidden.tolist(), "user_vectors": {space: u.tolist() for space, u in users.items()},
            "image_scores": scores.tolist(), "ranking": scores.argsort(descending=True).tolist()})
    return expected


QUESTIONS = [("Which brand will the user choose for their next item?", "The brand of the next item to be consumed is 'Acme'"),
             ("Which item is this user likely to buy next?", "The title of the next item to be consumed is 'wool scarf'"),
             ("Please describe the details of the next item that this user would consume.",
              "The details of the next item to be consumed is as follows: 'two metres, washable'")]
SYSTEM = ("A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, "
          "and polite answers to the user's questions. USER: ")
ASK = ("], where each interacted item's information is contained in curly brackets (i.e.,{}). Please conduct an analysis of "
       "user preference, taking into account the interacted items. Based on your analysis, ")


def training_steps(checkpoint, weights_directory, expected, features, rng):
    """Steps on a few samples, everything in float32."""
    tokenizer = LlamaTokenizer.from_pretrained(f"{checkpoint}/llm", legacy=False)
    llm = LlamaForCausalLM.from_pretrained(weights_directory, torch_dtype="auto").float().eval().requires_grad_(False)
    samples = []
    for index, (question, answer) in enumerate(QUESTIONS):
        *history, target = rng.sample(range(len(expected["images"])), 3 + index)
        others = [i for i in range(len(expected["images"])) if i != target and i not in history]
        titles = [expected["images"][i]["title"] for i in history]
        listed = ", ".join(f"{{Title: {title or 'Unknown'}, Visual representation: <i_vis>}}" for title in titles)
        asked = SYSTEM + HEAD + listed + ASK + question + " ASSISTANT: "
        samples.append({
            "history": history, "target": target, "titles": titles, "question": question, "answer": answer,
            "negatives": {space: rng.choice(others) for space in SPACES},
            "label_start": len(tokenizer(asked).input_ids) - 1,
            "ila_token_ids": tokenizer(asked + answer + "</s>").input_ids,
            "prompt_ids": tokenizer(HEAD + listed + TAIL).input_ids})
    return replayed(
        checkpoint, llm, embedding_table(checkpoint, llm).detach(), tokenizer.convert_tokens_to_ids("<i_vis>"), expected,
        features, samples)


def main():
    options = arguments()
    rng = random.Random(options.seed)
    torch.manual_seed(options.seed)
    np.random.seed(options.seed)
    checkpoint = f"{options.out}/bundle"
    os.makedirs(options.out, exist_ok=True)
    if options.checkpoint:
        os.symlink(os.path.abspath(options.checkpoint), checkpoint)
    else:
        os.makedirs(checkpoint)
        make_checkpoint(checkpoint, options, rng)
    draw_images(f"{options.out}/images", options.items, rng)
    images = [f"{options.out}/images/{i}.jpg" for i in range(options.items)]
    titles = [TITLES[i % len(TITLES)] for i in range(options.items)]
    weights = f"{options.out}/llm-weights" if options.llm_directory else f"{checkpoint}/llm"
    expected = answers(checkpoint, weights, images, titles, rng)
    with open(f"{options.out}/expected.json", "w") as file:
        json.dump(expected, file)
    if options.train:
        features = {space: torch.randn(options.items, width) for space, width in FEATURE_DIMS.items()}
        save_file(features, f"{options.out}/item_features.safetensors")
        with open(f"{options.out}/train.json", "w") as file:
            json.dump(training_steps(checkpoint, weights, expected, features, rng), file)
    print(f"Wrote {options.out}: {options.items} images, {checkpoint}")


if __name__ == "__main__":
    main()
