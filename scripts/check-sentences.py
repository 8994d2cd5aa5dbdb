#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares `illmrec features text` with sentence-transformers: scripts/check-sentences.py ILLMREC ENCODER

The texts are built here a second time, from what `illmrec features text --help` says.
"""

import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from sentence_transformers import SentenceTransformer

BOUND = 1e-5
TITLES = ["green kettle", "", "Café crème 250 ml", "trail shoe (wide) {men}", "名前 mug", "wool scarf, striped", "  spaced  out. ", "..."]


def hostile():
    path = pathlib.Path(__file__).with_name("make-text-golden.py")
    spec = importlib.util.spec_from_file_location("make_text_golden", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [text for text in module.TEXTS if "\0" not in text]


def items():
    texts = hostile()
    for index, text in enumerate(texts):
        yield {
            "item_id": str(index), "title": TITLES[index % len(TITLES)], "brand": "" if index % 3 else "Lumo",
            "category": ["", "lamps", "books & more"][index % 3],
            "feature": [["<span>no</span>", "machine washable"], ["<br>"], [], ["2 m"]][index % 4],
            "description": text if index % 7 else "<br>" + text,
        }  # fmt: skip
    yield {"item_id": "none"}


def read(item):
    """As a catalog's fields are read: without the white space around them."""
    return {name: [v.strip() for v in value] if isinstance(value, list) else value.strip() for name, value in item.items()}


def has_tag(text):
    return "<span" in text or "<br>" in text


def text_of(item):
    """As the help says it."""
    features = [text for text in item.get("feature", []) if not has_tag(text)]
    fields = [("Title", item.get("title")), ("Brand", item.get("brand")), ("Category", item.get("category")),
              ("Feature", features[0] if features else None)]
    text = "".join(f"{name}: {value}. " for name, value in fields if value)
    description = item.get("description")
    if description and not has_tag(description):
        text += f"Detailed description: {description}."
    return text.strip().strip(".") + "."


def main():
    program, encoder = sys.argv[1:]
    catalog = list(items())
    texts = [text_of(read(item)) for item in catalog]
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/items.jsonl", "w") as stream:
            stream.writelines(json.dumps(item) + "\n" for item in catalog)
        subprocess.run(
            [program, "features", "text", "--items", f"{folder}/items.jsonl", "--encoder", encoder, "--out", f"{folder}/text.npy"],
            check=True)
        ours = np.load(f"{folder}/text.npy")
    model = SentenceTransformer(encoder, device="cpu")
    theirs = np.stack([model.encode(text) for text in texts])
    distances = np.abs(ours - theirs).max(axis=1)
    worst = int(distances.argmax())
    print(f"{encoder}: {len(texts)} texts of {ours.shape[1]} numbers; the farthest differs by {distances[worst]:.1e}")
    if ours.shape != theirs.shape or not distances.max() <= BOUND:
        sys.exit(f"{texts[worst]!r} is beyond {BOUND}")


if __name__ == "__main__":
    main()
