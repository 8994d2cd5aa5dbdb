# SPDX-License-Identifier: Apache-2.0
"""Hugging Face's LLaMA in bf16 on the CPU: {"lengths": [tokens, …], "logits": bool} computes one padded batch."""
import sys

from worker import serve

import torch
from transformers import LlamaForCausalLM


def load():
    torch.set_grad_enabled(False)
    model = LlamaForCausalLM.from_pretrained(sys.argv[1], dtype=torch.bfloat16, attn_implementation="sdpa").eval()
    width = model.config.hidden_size

    def forward(request):
        lengths = request["lengths"]
        longest = max(lengths)
        rows = torch.randn(len(lengths), longest, width, dtype=torch.bfloat16) * 0.02
        # Padded on the left, so that the last position is every sequence's own.
        mask = None
        if min(lengths) < longest:
            mask = torch.tensor([[0] * (longest - length) + [1] * length for length in lengths])
        if request.get("logits"):
            # What the published code runs: the whole causal model, logits of every position and the hidden states of every layer.
            out = model(inputs_embeds=rows, attention_mask=mask, output_hidden_states=True)
            return out.hidden_states[-1][:, -1].float().sum().item()
        out = model.model(inputs_embeds=rows, attention_mask=mask, use_cache=False)
        return out.last_hidden_state[:, -1].float().sum().item()

    forward({"lengths": [16]})
    return forward


serve(load)
