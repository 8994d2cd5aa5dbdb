# SPDX-License-Identifier: Apache-2.0
"""The trained part of a checkpoint and its training steps in PyTorch, over any LLM. Read by the scripts that make goldens."""
import torch
from safetensors.torch import load_file

SPACES = ("img", "cf", "text")


def mlp(weights, name, x):
    x = torch.nn.functional.linear(x, weights[f"{name}.mlp.0.weight"], weights[f"{name}.mlp.0.bias"])
    x = torch.nn.functional.layer_norm(x, x.shape[-1:], weights[f"{name}.mlp.1.weight"], weights[f"{name}.mlp.1.bias"], 1e-5)
    return torch.nn.functional.linear(x.relu(), weights[f"{name}.mlp.3.weight"], weights[f"{name}.mlp.3.bias"])


def adaptor(weights, x):
    x = torch.nn.functional.linear(x, weights["adaptor.proj_v2c.weight"], weights["adaptor.proj_v2c.bias"])
    x = torch.nn.functional.layer_norm(
        x, x.shape[-1:], weights["adaptor.layernorm.weight"], weights["adaptor.layernorm.bias"], 1e-8)
    x = torch.nn.functional.gelu(x)
    return torch.nn.functional.linear(x, weights["adaptor.interface.weight"], weights["adaptor.interface.bias"])


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
