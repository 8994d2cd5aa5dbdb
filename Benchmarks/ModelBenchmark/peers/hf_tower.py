# SPDX-License-Identifier: Apache-2.0
"""Hugging Face's SigLIP vision tower on the CPU: {"images": count} computes one batch."""
import sys

from worker import serve

import torch
from transformers import SiglipVisionModel


def load():
    torch.set_grad_enabled(False)
    model = SiglipVisionModel.from_pretrained(sys.argv[1], dtype=torch.bfloat16, attn_implementation="sdpa").eval()
    size = model.config.image_size

    def forward(request):
        pixels = torch.randn(request["images"], 3, size, size, dtype=torch.bfloat16)
        return model(pixel_values=pixels).pooler_output.float().sum().item()

    forward({"images": 1})
    return forward


serve(load)
