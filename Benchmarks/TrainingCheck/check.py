#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints cross over between illmrec and PyTorch: what the one trained, the other must read and answer alike.

    check.py --illmrec .build/release/illmrec [--keep DIR] [--styles image,compact]

Users, items and a frozen LLM and tower are made here, small and random. For each style of prompts:

- `illmrec train` trains a checkpoint. Its files' names, shapes and types are checked, PyTorch reads it with Hugging Face's
  classes and answers, and `illmrec verify` holds the services to those answers.
- PyTorch trains one by AdamW and writes it in the published layout, and `illmrec verify` does the same.

The same is done once with all that `illmrec train` adds to the published method. And `illmrec train --golden` repeats a few steps of
PyTorch, their losses and gradient norms, the questions' included.
Needs what scripts/make-golden.py needs. Prints a line for each check; the exit code is 1 when one missed.
"""
import argparse
import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import types

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM, LlamaTokenizer

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
ITEMS, USERS, SPACE_DIM = 16, 24, 32
FEATURE_NAMES = ("cf", "text")


def load_make_golden():
    # What the script imports lies beside it.
    sys.path.insert(0, f"{ROOT}/scripts")
    spec = importlib.util.spec_from_file_location("make_golden", f"{ROOT}/scripts/make-golden.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


golden = load_make_golden()


class Checks:
    """Runs commands and keeps what missed."""

    def __init__(self, illmrec):
        self.illmrec, self.missed = illmrec, 0

    def report(self, name, fault=""):
        self.missed += bool(fault)
        print(f"{'MISSED' if fault else 'ok    '}  {name}{': ' + fault if fault else ''}", flush=True)

    def run(self, name, *arguments):
        """The command's output is shown only where it fails."""
        result = subprocess.run([self.illmrec, *map(str, arguments)], capture_output=True, text=True)
        self.report(name, f"illmrec {arguments[0]} ended with {result.returncode}" if result.returncode else "")
        if result.returncode:
            print(result.stdout + result.stderr)
        return result.returncode == 0


def write_data(directory, rng):
    """A data set in the published layout: images, sequences and negatives."""
    os.makedirs(directory)
    golden.draw_images(f"{directory}/image", ITEMS, rng)
    titles = [golden.TITLES[i % len(golden.TITLES)] for i in range(ITEMS)]
    metadata = {str(i): {"title": title, "brand": f"Brand {i % 3}", "category": f"Kind {i % 4}", "description": f"Item {i}.",
                         "feature": f"feature {i % 5}", "imURL": "", "price": ""} for i, title in enumerate(titles)}
    users = {str(user): [[item] for item in rng.sample(range(ITEMS), rng.randrange(5, 11))] for user in range(1, USERS + 1)}
    parts = {"train": -2, "eval": -1, "test": None}
    files = {f"{part}_users.json": {user: items[:end] for user, items in users.items()} for part, end in parts.items()}
    for name, content in (files | {"meta_info.json": metadata}).items():
        with open(f"{directory}/{name}", "w") as file:
            json.dump(content, file)
    with open(f"{directory}/neg_item_set.txt", "w") as file:
        for user, items in users.items():
            others = [i for i in range(ITEMS) if [i] not in items]
            print(user, *(rng.choice(others) for _ in range(100)), file=file)
    features = {}
    for space in FEATURE_NAMES:
        features[space] = torch.randn(ITEMS, golden.FEATURE_DIMS[space])
        np.save(f"{directory}/{space}.npy", features[space].numpy())
    return titles, [[item for item, in items] for items in users.values()], features


def file_fault(checkpoint, base):
    """What in a checkpoint's files is not as published; empty when nothing is."""
    for name in ("config.json", "llm/config.json", "llm/tokenizer.model", "vision_tower/config.json",
                 "vision_tower/preprocessor_config.json", "rec_module/config.json"):
        if not os.path.exists(f"{checkpoint}/{name}"):
            return f"{name} is missing"
    known = load_file(f"{base}/rec_module/model.safetensors")
    written = load_file(f"{checkpoint}/rec_module/model.safetensors")
    if known.keys() != written.keys():
        return f"rec_module differs in {sorted(known.keys() ^ written.keys())}"
    tokens = torch.load(f"{checkpoint}/llm_parameter/token_embed.pth", weights_only=True)
    stored = torch.load(f"{base}/llm_parameter/token_embed.pth", weights_only=True)["weight"]
    known["token_embed"] = stored
    written["token_embed"] = next(iter(tokens.values())) if isinstance(tokens, dict) else tokens
    for name, tensor in written.items():
        if tensor.shape != known[name].shape or tensor.dtype != torch.float32:
            return f"{name} is {list(tensor.shape)} in {tensor.dtype}, not {list(known[name].shape)} in torch.float32"
    if all(torch.equal(tensor, known[name].float()) for name, tensor in written.items()):
        return "nothing was trained"
    return ""


def write_golden(directory, checkpoint, data, titles, rng):
    os.makedirs(directory)
    for name, target in (("bundle", checkpoint), ("images", f"{data}/image")):
        os.symlink(os.path.abspath(target), f"{directory}/{name}")
    images = [f"{data}/image/{i}.jpg" for i in range(ITEMS)]
    expected = golden.answers(f"{directory}/bundle", f"{directory}/bundle/llm", images, titles, rng)
    with open(f"{directory}/expected.json", "w") as file:
        json.dump(expected, file)
    return expected


def train_in_torch(base, out, style, embeddings, titles, users, features, rng, steps=6):
    """A few AdamW steps on the recommendation loss; the trained parts are written as the published code's are."""
    shutil.copytree(base, out)
    tokenizer = LlamaTokenizer.from_pretrained(f"{base}/llm", legacy=False)
    llm = LlamaForCausalLM.from_pretrained(f"{base}/llm").float().eval().requires_grad_(False)
    marker = tokenizer.convert_tokens_to_ids("<i_vis>")
    trained = {name: torch.nn.Parameter(value) for name, value in load_file(f"{base}/rec_module/model.safetensors").items()}
    trained["token_embed"] = torch.nn.Parameter(golden.embedding_table(base, llm).detach().clone())
    items = {"img": embeddings, **features}
    optimizer = torch.optim.AdamW(trained.values(), lr=1e-3, weight_decay=0)
    losses = []
    for _ in range(steps):
        loss = torch.zeros(())
        for sequence in rng.sample(users, 4):
            *history, target = sequence[:-2]
            negative = rng.choice([i for i in range(ITEMS) if i not in sequence])
            listed = ", ".join(f"{{Title: {titles[i] or 'Unknown'}, Visual representation: <i_vis>}}" for i in history)
            ids = torch.tensor([tokenizer.bos_token_id] + [marker] * len(history) if style == "compact"
                               else tokenizer(golden.HEAD + listed + golden.TAIL).input_ids)
            rows = trained["token_embed"][ids].clone()
            rows[ids == marker] = golden.adaptor(trained, embeddings[history])
            rows = torch.cat([rows, trained["rec_token"].reshape(1, -1)])
            hidden = llm.model(inputs_embeds=rows[None]).last_hidden_state[0, -1]
            for space in golden.SPACES:
                pair = golden.mlp(trained, f"f_i_{space}", items[space][[target, negative]])
                loss = loss + torch.nn.functional.binary_cross_entropy_with_logits(
                    pair @ golden.mlp(trained, f"f_u_{space}", hidden), torch.tensor([1.0, 0.0]), reduction="sum") / 12
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained.values(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    assert all(np.isfinite(losses)), losses
    values = {name: value.detach().contiguous() for name, value in trained.items()}
    torch.save({"weight": values.pop("token_embed")}, f"{out}/llm_parameter/token_embed.pth")
    save_file(values, f"{out}/rec_module/model.safetensors", {"format": "pt"})
    if style != "image":
        with open(f"{out}/rec_module/config.json") as file:
            config = json.load(file)
        with open(f"{out}/rec_module/config.json", "w") as file:
            json.dump(config | {"prompt_style": style}, file)


def check_style(checks, style, directory, base, data, users, titles, features, rng):
    run = f"{directory}/{style}"
    flags = [f"--features={space}={data}/{space}.npy" for space in FEATURE_NAMES]
    if not checks.run(f"{style}: illmrec train", "train", "--data", data, "--checkpoint", base, "--out", run, "--prompts", style,
                      "--steps", 9, "--learning-rate", "1e-3", "--precision", "f32", "--no-validation", *flags):
        return
    ours = f"{run}/checkpoint"
    checks.report(f"{style}: names, shapes and types of what it wrote", file_fault(ours, base))
    checks.report(f"{style}: it says its style", "" if golden.prompt_style(ours) == style else golden.prompt_style(ours))
    expected = write_golden(f"{directory}/{style}-ours", ours, data, titles, rng)
    checks.run(f"{style}: PyTorch reads it, and the services answer as PyTorch does", "verify", f"{directory}/{style}-ours")
    embeddings = torch.tensor([image["embedding"] for image in expected["images"]])
    theirs = f"{directory}/{style}-torch-checkpoint"
    train_in_torch(base, theirs, style, embeddings, titles, users, features, rng)
    write_golden(f"{directory}/{style}-torch", theirs, data, titles, rng)
    checks.run(f"{style}: trained in PyTorch, the services answer as PyTorch does", "verify", f"{directory}/{style}-torch")


def check_recipe(checks, directory, base, data, titles, rng):
    """What training adds to the published method: PyTorch computes it from the files alone."""
    run = f"{directory}/recipe"
    flags = [f"--features={space}={data}/{space}.npy" for space in FEATURE_NAMES]
    if not checks.run("recipe: illmrec train", "train", "--data", data, "--checkpoint", base, "--out", run, "--fresh", "--prompts",
                      "compact", "--space-dim", SPACE_DIM, "--token", "all", "--positions", "--lora", 4, "--loss", "joint-softmax",
                      "--no-questions", "--epochs", 20, "--learning-rate", "1e-3", "--precision", "f32", "--no-validation", *flags):
        return
    written = load_file(f"{run}/checkpoint/rec_module/model.safetensors")
    adapter = load_file(f"{run}/checkpoint/adapter_model.safetensors")
    still = [name for name, value in {**written, **adapter}.items() if not value.any()]
    checks.report("recipe: all of it was trained", f"{still} are zero" if still else "")
    named = [name for name in written if name.startswith("adaptor.")]
    checks.report("recipe: no adaptor by its published name", f"{named}" if named else "")
    write_golden(f"{directory}/recipe-ours", f"{run}/checkpoint", data, titles, rng)
    checks.run("recipe: PyTorch reads it, and the services answer as PyTorch does", "verify", f"{directory}/recipe-ours")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--illmrec", required=True)
    parser.add_argument("--keep", help="a new directory for what is made, instead of one that is removed")
    parser.add_argument("--styles", default="image,compact")
    options = parser.parse_args()
    torch.manual_seed(1)
    rng = random.Random(1)
    checks = Checks(options.illmrec)
    directory = options.keep or tempfile.mkdtemp()
    os.makedirs(directory, exist_ok=True)
    try:
        base, data = f"{directory}/base", f"{directory}/data"
        golden.make_checkpoint(base, types.SimpleNamespace(
            vision="64,2,4,160,56,14", llm="64,2,4,2,168", tokenizer=None, vocabulary=420, tie=False, rope_theta=10000.0,
            rope_factor=None, format="safetensors", llm_directory=False, dtype="float32", shard="10GB", space_dim=SPACE_DIM,
            no_token_embed=False), rng)
        titles, users, features = write_data(data, rng)
        for style in options.styles.split(","):
            check_style(checks, style, directory, base, data, users, titles, features, rng)
        check_recipe(checks, directory, base, data, titles, rng)
        subprocess.run([sys.executable, f"{ROOT}/scripts/make-golden.py", f"{directory}/steps", "--train"], check=True,
                       stdout=subprocess.DEVNULL)
        checks.run("losses and gradients of five steps of PyTorch's", "train", "--golden", f"{directory}/steps")
    finally:
        if not options.keep:
            shutil.rmtree(directory)
    sys.exit(1 if checks.missed else 0)


if __name__ == "__main__":
    main()
