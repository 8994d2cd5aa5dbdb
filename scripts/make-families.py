#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a golden of each family of decoders out of one of scripts/make-golden.py --train, whose LLM it replaces.

    python3 -m venv .venv-families
    .venv-families/bin/pip install torch "transformers==5.24.0" safetensors
    .venv-families/bin/python scripts/make-families.py GOLDEN OUT

writes OUT/NAME for each. Images, soft tokens, prompts and token ids stay as they are in GOLDEN; hidden states, what follows from
them, and training steps are computed by the family's model in float32.
"""
import json
import os
import shutil
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

import decoder_families
from golden_training import SPACES, mlp, replayed


def randomised(llm):
    """Weights that keep a deep model's values apart, as scripts/make-golden.py has them."""
    with torch.no_grad():
        for name, value in llm.named_parameters():
            if value.dim() == 1:
                value.add_(torch.randn_like(value) * 0.1)
            else:
                value.normal_(0, 0.6 if "embed" in name else 1.2 / value.shape[-1] ** 0.5)
    return llm


def answered(expected, llm, table, scale, marker, rec):
    """The histories with what follows from another LLM."""
    item_vectors = torch.tensor([image["item_vector"] for image in expected["images"]])
    soft_tokens = torch.tensor([image["soft_token"] for image in expected["images"]])
    for history in expected["histories"]:
        ids = torch.tensor(history["token_ids"])
        rows = table[ids.masked_fill(ids == marker, 0)] * scale
        rows[ids == marker] = soft_tokens[history["items"]]
        rows = torch.cat([rows, rec["rec_token"].reshape(1, -1)])
        hidden = llm.model(inputs_embeds=rows[None]).last_hidden_state[0, -1]
        users = {space: mlp(rec, f"f_u_{space}", hidden) for space in SPACES}
        scores = item_vectors @ users["img"]
        history |= {"hidden_state": hidden.tolist(), "user_vectors": {space: u.tolist() for space, u in users.items()},
                    "image_scores": scores.tolist(), "ranking": scores.argsort(descending=True).tolist()}
    return expected


def make(name, base, out):
    torch.manual_seed(sum(name.encode()))
    for part in ("bundle/llm", "bundle/rec_module", "bundle/vision_tower", "images"):
        shutil.copytree(f"{base}/{part}", f"{out}/{part}")
    shutil.copy(f"{base}/item_features.safetensors", out)
    weights = f"{out}/bundle/llm"
    with open(f"{weights}/config.json") as file:
        old = json.load(file)
    for file in os.listdir(weights):
        if file == "config.json" or "model-" in file or file.startswith(("model.", "pytorch_model")):
            os.remove(f"{weights}/{file}")
    made = randomised(decoder_families.model(name, old["hidden_size"], old["vocab_size"]))
    made.to(getattr(torch, decoder_families.VARIANTS[name][1])).save_pretrained(weights)
    # Read again as the published code does: in the type of the file, and widened.
    llm = AutoModelForCausalLM.from_pretrained(weights, dtype="auto", attn_implementation="eager").float().eval()
    llm.requires_grad_(False)
    embed = llm.model.embed_tokens
    scale = float(getattr(embed, "embed_scale", 1.0))
    with open(f"{base}/expected.json") as file:
        expected = json.load(file)
    with open(f"{base}/train.json") as file:
        samples = json.load(file)["samples"]
    rec = load_file(f"{out}/bundle/rec_module/model.safetensors")
    # <i_vis> comes right behind the LLM's own tokens.
    marker = old["vocab_size"]
    with torch.no_grad():
        expected = answered(expected, llm, embed.weight, scale, marker, rec)
    with open(f"{out}/expected.json", "w") as file:
        json.dump(expected, file)
    steps = replayed(f"{out}/bundle", llm, embed.weight, marker, expected, load_file(f"{out}/item_features.safetensors"),
                     samples, scale, getattr(llm.config, "final_logit_softcapping", None))
    with open(f"{out}/train.json", "w") as file:
        json.dump(steps, file)
    print(name, llm.config.model_type, "token embeddings times", scale, flush=True)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    base, out, *names = sys.argv[1:]
    for name in names or decoder_families.VARIANTS:
        make(name, base, f"{out}/{name}")


if __name__ == "__main__":
    main()
