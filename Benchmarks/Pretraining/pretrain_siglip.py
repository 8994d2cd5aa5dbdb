#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pretrains a small SigLIP tower on the images and titles of a prepared data set's training items.

    python3 -m venv .venv-pretraining
    .venv-pretraining/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu
    .venv-pretraining/bin/pip install transformers safetensors pillow numpy
    .venv-pretraining/bin/python Benchmarks/Pretraining/pretrain_siglip.py DATA OUT

DATA is what `illmrec data prepare` wrote: meta_info.json, train_users.json, image/. Only items that somebody's training sequence holds
are looked at. OUT becomes a vision_tower/ directory: config.json, preprocessor_config.json, model.safetensors.

The loss is SigLIP's: every image of a batch against every title, a sigmoid for each pair. Titles are read as bags of words and of
three-letter pieces, since the text tower is thrown away.
"""
import argparse
import json
import pathlib
import re
import time
import zlib

import numpy
import safetensors.torch
import torch
from PIL import Image
from transformers import SiglipVisionConfig, SiglipVisionModel

from prepared_data import training_items

TEXT_BUCKETS = 1 << 14


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("out")
    parser.add_argument("--shape", default="192,6,6,768,96,16", help="width,layers,heads,mlp,image,patch")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--space", type=int, default=128, help="elements of the space in which images and titles meet")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def training_pairs(data):
    """(image path, title) of every item that was trained on and has both."""
    pairs = []
    for item, fields in training_items(data):
        path, title = data / "image" / f"{item}.jpg", fields.get("title") or ""
        if title and path.exists():
            pairs.append((path, title))
    return pairs


def pixels(path, size):
    image = Image.open(path).convert("RGB").resize((size, size), Image.BICUBIC)
    return numpy.asarray(image, numpy.uint8)


def pieces(title):
    words = re.findall(r"\w+", title.lower())
    parts = words + [f"#{padded[at:at + 3]}" for word in words for padded in [f"<{word}>"] for at in range(len(padded) - 2)]
    return [zlib.crc32(part.encode()) % TEXT_BUCKETS for part in parts] or [0]


class Titles(torch.nn.Module):
    def __init__(self, space):
        super().__init__()
        self.bag = torch.nn.EmbeddingBag(TEXT_BUCKETS, 128, mode="mean")
        self.out = torch.nn.Sequential(torch.nn.Linear(128, 256), torch.nn.GELU(), torch.nn.Linear(256, space))

    def forward(self, titles):
        offsets = torch.tensor([0] + [len(title) for title in titles[:-1]]).cumsum(0)
        return self.out(self.bag(torch.tensor([piece for title in titles for piece in title]), offsets))


def augmented(images):
    """Mirrored at random, shifted by up to a sixteenth, brighter or darker by up to a fifth; float in [-1, 1]."""
    images = images.float().permute(0, 3, 1, 2) / 127.5 - 1
    mirrored = torch.rand(len(images)) < 0.5
    images[mirrored] = images[mirrored].flip(3)
    reach = images.shape[3] // 16
    down, right = (int(torch.randint(-reach, reach + 1, ())) for _ in range(2))
    images = images.roll((down, right), (2, 3))
    return (images * (1 + 0.4 * (torch.rand(len(images), 1, 1, 1) - 0.5))).clamp(-1, 1)


def main():
    options = arguments()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    width, layers, heads, mlp, size, patch = map(int, options.shape.split(","))
    pairs = training_pairs(pathlib.Path(options.data))
    print(f"{len(pairs)} images with titles; reading them", flush=True)
    images = torch.from_numpy(numpy.stack([pixels(path, size) for path, _ in pairs]))
    titles = [pieces(title) for _, title in pairs]

    tower = SiglipVisionModel(SiglipVisionConfig(
        hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=mlp, image_size=size,
        patch_size=patch))
    text = Titles(options.space)
    project = torch.nn.Linear(width, options.space)
    scale, bias = torch.nn.Parameter(torch.tensor(10.0).log()), torch.nn.Parameter(torch.tensor(-10.0))
    weights = [*tower.parameters(), *text.parameters(), *project.parameters()]
    optimizer = torch.optim.AdamW([{"params": weights, "weight_decay": 0.1}, {"params": [scale, bias], "weight_decay": 0}],
                                  lr=options.learning_rate)
    steps = options.epochs * (len(pairs) // options.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.learning_rate, total_steps=steps, pct_start=0.1)
    begin = time.time()
    for epoch in range(options.epochs):
        order = torch.randperm(len(pairs))
        losses = []
        for first in range(0, len(pairs) - options.batch + 1, options.batch):
            some = order[first:first + options.batch]
            seen = torch.nn.functional.normalize(project(tower(augmented(images[some])).pooler_output))
            read = torch.nn.functional.normalize(text([titles[index] for index in some.tolist()]))
            logits = seen @ read.T * scale.exp() + bias
            loss = -torch.nn.functional.logsigmoid(logits * (2 * torch.eye(len(some)) - 1)).sum() / len(some)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        hits = (logits.argmax(1) == torch.arange(len(some))).float().mean()
        print(f"epoch {epoch + 1} of {options.epochs}: loss {numpy.mean(losses):.3f}, {hits:.0%} of a batch's images find their "
              f"title, {time.time() - begin:.0f} s", flush=True)
    save(tower, size, pathlib.Path(options.out))
    print(f"wrote {options.out}")


def save(tower, size, out):
    out.mkdir(parents=True, exist_ok=True)
    tower.config.save_pretrained(out)
    # Published towers have this prefix; transformers 5 leaves it out.
    tensors = {f"vision_model.{name.removeprefix('vision_model.')}": value.contiguous() for name, value in tower.state_dict().items()}
    safetensors.torch.save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    (out / "preprocessor_config.json").write_text(json.dumps({
        "do_rescale": True, "do_normalize": True, "do_resize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3,
        "resample": 3, "rescale_factor": 1 / 255, "size": {"height": size, "width": size},
        "image_processor_type": "SiglipImageProcessor"}))


if __name__ == "__main__":
    main()
