# SPDX-License-Identifier: Apache-2.0
"""What bf16 and int8 do to the rankings of a catalog: items and users encoded in each, ranked by inner product."""
import json
import os
import subprocess
import sys

import numpy as np

from illmrec.encoder.v1 import encoder_pb2
from illmrec.llm.v1 import llm_pb2
from machine import ROOT
from services import LLM, Encoder

# A random checkpoint small enough for hundreds of posters: 12 layers of width 384 at 224 px, 8 layers of width 512.
SHAPE = ["--llm", "512,8,8,8,1376", "--tower", "384,12,6,1536,224,16"]
TOP = 10


def rows_of(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


class Catalog:
    """Items with posters and users with histories of them, in the layout of items.jsonl and leave_one_out.jsonl."""

    def __init__(self, directory, items, users):
        present = [row for row in rows_of(f"{directory}/items.jsonl") if os.path.exists(f"{directory}/{row['image']}")]
        self.items = present[:items]
        self.images = [open(f"{directory}/{row['image']}", "rb").read() for row in self.items]
        place = {row["item_id"]: index for index, row in enumerate(self.items)}
        histories = ([place[item] for item in row["train"] if item in place][-TOP:]
                     for row in rows_of(f"{directory}/leave_one_out.jsonl"))
        self.histories = [history for history in histories if len(history) >= 3][:users]


def encoded(options, checkpoint, precision, catalog):
    """Item vectors [items, P] and user vectors [users, P], as the services answer them."""
    encoder = Encoder(options.encoder, checkpoint, "--precision", precision)
    vectors, tokens = [], []
    for start in range(0, len(catalog.images), 64):
        answer = encoder.stub.EncodeImages(encoder_pb2.EncodeImagesRequest(
            items=[encoder_pb2.ImageItem(item_id=str(start + index), encoded=image)
                   for index, image in enumerate(catalog.images[start:start + 64])],
            outputs=[encoder_pb2.OUTPUT_ITEM_VECTOR, encoder_pb2.OUTPUT_SOFT_TOKEN]), timeout=3600)
        for result in answer.results:
            vectors.append(np.frombuffer(result.item_vector.data, "<f4"))
            tokens.append(result.soft_token)
    encoder.stop()
    llm = LLM(options.llm, checkpoint, "--precision", precision)
    users = []
    for start in range(0, len(catalog.histories), 32):
        histories = catalog.histories[start:start + 32]
        users += [np.frombuffer(result.user_vector.data, "<f4") for result in llm.encode([
            llm.history([llm_pb2.HistoryItem(title=catalog.items[item]["title"], soft_token=tokens[item])
                         for item in history]) for history in histories])]
    llm.stop()
    return np.stack(vectors), np.stack(users)


def relative(found, expected):
    return np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)


def compare_rankings(report, options):
    checkpoint = f"{options.gguf}/small-checkpoint"
    if not os.path.exists(f"{checkpoint}/rec_module/config.json"):
        subprocess.run([sys.executable, ROOT / "Benchmarks/ModelBenchmark/make_checkpoint.py", checkpoint, *SHAPE, "--tokenizer",
                        f"{options.checkpoint}/llm/tokenizer.model"], check=True)
    catalog = Catalog(options.catalog, options.catalog_items, options.catalog_users)
    expected_items, expected_users = encoded(options, checkpoint, "f32", catalog)
    best = np.argsort(-(expected_users @ expected_items.T), axis=1, kind="stable")[:, :TOP]
    for precision in options.precisions:
        items, users = encoded(options, checkpoint, precision, catalog)
        found = np.argsort(-(users @ items.T), axis=1, kind="stable")[:, :TOP]
        overlap = np.mean([len(set(a) & set(b)) / TOP for a, b in zip(found, best)])
        of_items, of_users = relative(items, expected_items), relative(users, expected_users)
        report.note(
            f"{precision} against f32 on {os.path.basename(os.path.abspath(options.catalog))}, {len(items)} items and {len(users)} users, "
            f"a random checkpoint ({' '.join(SHAPE)}): item vectors differ by {of_items.mean():.1e} of their length "
            f"({of_items.max():.1e} at most), user vectors by {of_users.mean():.1e} ({of_users.max():.1e}); top-{TOP} overlap {overlap:.3f}")
