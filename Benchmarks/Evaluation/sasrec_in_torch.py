# SPDX-License-Identifier: Apache-2.0
"""Computes a SASRec of `illmrec features cf` in PyTorch, and holds the ranks of `illmrec evaluate --ranks` against it.

    illmrec features cf data/ --out cf.safetensors
    illmrec evaluate data/ --methods sasrec --sasrec cf.safetensors --ranks ranks.csv
    python sasrec_in_torch.py cf.safetensors data/ ranks.csv [test]

Needs torch and safetensors. Exits with 1 when a rank differs by more than candidates whose scores are within 1e-5 of the target's.
"""

import csv
import json
import math
import sys

import torch
from safetensors import safe_open


def load(path):
    with safe_open(path, framework="pt") as file:
        settings = json.loads(file.metadata()["illmrec_sasrec"])
        return settings, {name: file.get_tensor(name) for name in file.keys()}


def hidden_state(history, settings, w):
    """The last norm's row of the newest item, [D]."""
    length, width, heads = settings["length"], settings["width"], settings["heads"]
    history = torch.tensor(history[-length:])
    count = len(history)
    x = w["item_emb.weight"][history] * math.sqrt(width) + w["pos_emb.weight"][length - count:]

    def norm(x, name):
        return torch.nn.functional.layer_norm(x, (width,), w[name + ".weight"], w[name + ".bias"], 1e-8)

    def linear(x, name):
        return torch.nn.functional.linear(x, w[name + ".weight"], w[name + ".bias"])

    for block in range(settings["blocks"]):
        prefix = f"blocks.{block}."
        normed = norm(x, prefix + "attention_norm")
        q, k, v = (linear(normed, prefix + p).view(count, heads, -1).transpose(0, 1) for p in ("query", "key", "value"))
        mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + mixed.transpose(0, 1).reshape(count, width)
        inner = linear(norm(x, prefix + "feed_forward_norm"), prefix + "inner").relu()
        x = x + linear(inner, prefix + "outer")
    return norm(x, "last_norm")[-1]


def main():
    weights, data, ranks = sys.argv[1:4]
    held_out = 1 if "test" in sys.argv[4:] else 2
    settings, w = load(weights)
    users = {user: [i[0] for i in items] for user, items in json.load(open(data + "/test_users.json")).items()}
    negatives = {f[0]: [int(i) for i in f[1:]] for f in map(str.split, open(data + "/neg_item_set.txt"))}
    compared = different = 0
    rows = [row for row in csv.DictReader(open(ranks)) if row["method"] == "sasrec"]
    with torch.no_grad():
        for row in rows:
            items = users[row["user"]]
            target = items[-held_out]
            state = hidden_state(items[:-held_out], settings, w)
            candidates = [i for i in negatives[row["user"]] if i != target]
            gaps = w["item_emb.weight"][candidates] @ state - w["item_emb.weight"][target] @ state
            surely_better = int((gaps > 1e-5).sum())
            close = int((gaps.abs() <= 1e-5).sum())
            compared += 1
            if not surely_better <= float(row["position"]) - 1 <= surely_better + close:
                different += 1
                print(f"user {row['user']}: position {row['position']}, here {surely_better + 1} to {surely_better + close + 1}")
    print(f"{compared} ranks compared, {different} differ")
    sys.exit(1 if different or not compared else 0)


main()
