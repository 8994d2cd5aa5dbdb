# SPDX-License-Identifier: Apache-2.0
"""The trained part of a checkpoint and its training steps in PyTorch, over any LLM. Read by the scripts that make goldens."""
import json
import os

import torch
from safetensors.torch import load_file

SPACES = ("img", "cf", "text")


def mlp(weights, name, x):
    x = torch.nn.functional.linear(x, weights[f"{name}.mlp.0.weight"], weights[f"{name}.mlp.0.bias"])
    x = torch.nn.functional.layer_norm(x, x.shape[-1:], weights[f"{name}.mlp.1.weight"], weights[f"{name}.mlp.1.bias"], 1e-5)
    return torch.nn.functional.linear(x.relu(), weights[f"{name}.mlp.3.weight"], weights[f"{name}.mlp.3.bias"])


def adaptor(weights, x):
    """Soft tokens of images. Where they are made of more features, an item of an image alone has the stand-ins of the others."""
    published = "adaptor.proj_v2c.weight" in weights
    first, norm, second = (f"adaptor.{name}" if published else f"soft_token.{other}" for name, other in (
        ("proj_v2c", "proj"), ("layernorm", "layernorm"), ("interface", "interface")))
    absent = [weights[name].expand(*x.shape[:-1], -1) for name in ("soft_token.absent.cf", "soft_token.absent.text") if name in weights]
    x = torch.cat([x, *absent], -1)
    x = torch.nn.functional.linear(x, weights[f"{first}.weight"], weights[f"{first}.bias"])
    x = torch.nn.functional.layer_norm(x, x.shape[-1:], weights[f"{norm}.weight"], weights[f"{norm}.bias"], 1e-8)
    x = torch.nn.functional.gelu(x)
    return torch.nn.functional.linear(x, weights[f"{second}.weight"], weights[f"{second}.bias"])


def placed(weights, soft_tokens):
    """A history's soft tokens, oldest first, with the vectors of their places from the end."""
    positions = weights.get("soft_token.positions")
    return soft_tokens if positions is None else soft_tokens + positions[:len(soft_tokens)].flip(0)


def merge_adapter(checkpoint, llm):
    """Merges a LoRA as PEFT wrote it beside the checkpoint into the LLM; there need not be one."""
    if not os.path.exists(f"{checkpoint}/adapter_config.json"):
        return
    with open(f"{checkpoint}/adapter_config.json") as file:
        config = json.load(file)
    halves = load_file(f"{checkpoint}/adapter_model.safetensors")
    modules = dict(llm.named_modules())
    with torch.no_grad():
        for name, half in halves.items():
            if name.endswith("lora_A.weight"):
                module = modules[name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")]
                change = halves[name.replace("lora_A", "lora_B")] @ half
                module.weight += config["lora_alpha"] / config["r"] * change


def replayed(checkpoint, llm, table, marker, expected, features, samples, scale=1.0, cap=None, count=5):
    """What train.json holds: full-batch AdamW steps on the samples, everything in float32.

    `table` holds the token embeddings as they are stored, which the LLM reads times `scale`; `marker` is the id of <i_vis>;
    `cap` bounds the logits by its hyperbolic tangent.
    """
    trained = {name: torch.nn.Parameter(value.float())
               for name, value in load_file(f"{checkpoint}/rec_module/model.safetensors").items()}
    if len(table) <= marker:
        table = torch.cat([table, table.mean(0, keepdim=True).expand(marker + 1 - len(table), -1)])
    trained["token_embed"] = torch.nn.Parameter(table.clone())
    # As many rows as there are tokens: the reference framework gives the head random ones near 0 for those it lacks.
    head = llm.lm_head.weight
    head = torch.cat([head, torch.zeros(max(0, len(table) - len(head)), head.shape[1])])
    embeddings = torch.tensor([image["embedding"] for image in expected["images"]])
    items = {"img": embeddings, **features}

    def states(ids, history, ends_with_rec):
        ids = torch.tensor(ids)
        rows = trained["token_embed"][ids] * scale
        rows[ids == marker] = adaptor(trained, embeddings[history])
        if ends_with_rec:
            rows = torch.cat([rows, trained["rec_token"].reshape(1, -1)])
        return llm.model(inputs_embeds=rows[None]).last_hidden_state[0]

    def losses():
        ire, answer_losses = 0, []
        for sample in samples:
            hidden = states(sample["prompt_ids"], sample["history"], True)[-1]
            for space in SPACES:
                user = mlp(trained, f"f_u_{space}", hidden)
                scores = mlp(trained, f"f_i_{space}", items[space][[sample["target"], sample["negatives"][space]]]) @ user
                ire = ire + torch.nn.functional.binary_cross_entropy_with_logits(
                    scores, torch.tensor([1.0, 0.0]), reduction="sum") / len(SPACES) / len(samples)
            ids, start = sample["ila_token_ids"], sample["label_start"]
            logits = states(ids[:-1], sample["history"], False)[start - 1:] @ head.T
            logits = logits if cap is None else cap * torch.tanh(logits / cap)
            answer_losses.append(torch.nn.functional.cross_entropy(logits, torch.tensor(ids[start:]), reduction="none"))
        return ire, torch.cat(answer_losses).mean()

    settings = {"lr": 1e-3, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01}
    optimizer = torch.optim.AdamW(trained.values(), **settings)
    steps = []
    for _ in range(count):
        optimizer.zero_grad()
        ire, ila = losses()
        (ire + ila).backward()
        steps.append({"ire": ire.item(), "ila": ila.item(), "loss": (ire + ila).item(),
                      "grad_norms": {name: value.grad.norm().item() for name, value in trained.items()}})
        optimizer.step()
    return {"samples": samples, "optimizer": {"name": "AdamW", **settings}, "steps": steps}
