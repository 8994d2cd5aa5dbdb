# SPDX-License-Identifier: Apache-2.0
"""The same step in PyTorch: transformers' LLaMA, frozen, and autograd. Arguments: CHECKPOINT f32|bf16 SAMPLES.json

A padded batch for each loss, as a data collator makes it. The head is asked for the labelled rows alone, which is kinder than
the published code: it computes every position's logits.
"""
import json
import sys

from worker import serve

import torch
from safetensors.torch import load_file
from transformers import LlamaForCausalLM

F = torch.nn.functional


def load():
    checkpoint, dtype = sys.argv[1], {"f32": torch.float32, "bf16": torch.bfloat16}[sys.argv[2]]
    samples = json.load(open(sys.argv[3]))
    llm = LlamaForCausalLM.from_pretrained(f"{checkpoint}/llm", dtype=dtype, attn_implementation="sdpa").eval()
    llm.requires_grad_(False)
    trained = {name: value.to(dtype) for name, value in load_file(f"{checkpoint}/rec_module/model.safetensors").items()}
    trained["token_embed"] = llm.model.embed_tokens.weight.detach().clone()
    for value in trained.values():
        value.requires_grad_(True)

    def layers(x, first, norm, second, epsilon, activation):
        x = F.linear(x, trained[f"{first}.weight"], trained[f"{first}.bias"])
        x = F.layer_norm(x, x.shape[-1:], trained[f"{norm}.weight"], trained[f"{norm}.bias"], epsilon)
        return F.linear(activation(x), trained[f"{second}.weight"], trained[f"{second}.bias"])

    def project(x, side, space):
        name = f"f_{side}_{space}.mlp"
        return layers(x, f"{name}.0", f"{name}.1", f"{name}.3", 1e-5, F.relu)

    def rows_of(sequence, drop_last=False):
        rows = F.embedding(torch.tensor(sequence["ids"]), trained["token_embed"])
        soft = layers(torch.tensor(sequence["embeddings"], dtype=dtype), "adaptor.proj_v2c", "adaptor.layernorm",
                      "adaptor.interface", 1e-8, F.gelu)
        rows = rows.index_copy(0, torch.tensor(sequence["positions"]), soft)
        return rows[:-1] if drop_last else rows

    def states_of(sequences):
        """Padded on the right: causal attention never looks there."""
        padded = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True)
        mask = torch.tensor([[1] * len(s) + [0] * (padded.shape[1] - len(s)) for s in sequences])
        if mask.min() == 1:
            mask = None
        return llm.model(inputs_embeds=padded, attention_mask=mask, use_cache=False).last_hidden_state

    def ire():
        sequences = [torch.cat([rows_of(s["recommendation"]), trained["rec_token"]]) for s in samples]
        states = states_of(sequences)
        user = torch.stack([states[i, len(rows) - 1] for i, rows in enumerate(sequences)])
        losses = []
        for space in samples[0]["targets"]:
            users = project(user, "u", space)
            for kind, label in (("positive", 1.0), ("negative", 0.0)):
                features = torch.tensor([s["targets"][space][kind] for s in samples], dtype=dtype)
                scores = (users * project(features, "i", space)).sum(-1).float()
                losses.append(F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, label)))
        return sum(losses) / len(samples[0]["targets"])

    def ila():
        states = states_of([rows_of(s["answer"], drop_last=True) for s in samples])
        hidden = torch.cat([states[i, s["labelStart"] - 1:len(s["answer"]["ids"]) - 1] for i, s in enumerate(samples)])
        labels = torch.tensor([token for s in samples for token in s["answer"]["ids"][s["labelStart"]:]])
        return F.cross_entropy(llm.lm_head(hidden).float(), labels)

    def step(_):
        for value in trained.values():
            value.grad = None
        # One loss after the other: the graph of the first is gone before the second's is made.
        first = ire()
        first.backward()
        second = ila()
        second.backward()
        norm = sum(float(value.grad.float().square().sum()) for value in trained.values()) ** 0.5
        return {"ire": first.item(), "ila": second.item(), "gradientNorm": norm}

    return step


serve(load)
