#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The losses and gradients of a joint softmax in PyTorch, as RecipeGradientTests holds ours to them.

Three users and six candidates of width 4, all multiples of 1/4; logits are inner products over a temperature, less the log of how
often a candidate is expected; hidden candidates do not count. Prints values, losses, and the gradients of a quarter of their sum.
"""
import torch

torch.manual_seed(1)


def quarters(*shape):
    return torch.randint(-4, 5, shape).float() / 4


users, items = quarters(3, 4).requires_grad_(), quarters(6, 4).requires_grad_()
log_expected_counts = torch.tensor([-1.5, -1.5, -0.25, 0.5, 0.0, -2.0])
hidden = torch.zeros(3, 6, dtype=torch.bool)
hidden[0, 1] = hidden[1, 0] = hidden[2, 4] = True
logits = (users @ items.T / 0.5 - log_expected_counts).masked_fill(hidden, float("-inf"))
losses = torch.nn.functional.cross_entropy(logits, torch.arange(3), reduction="none")
(losses.sum() / 4).backward()
for name, values in [("users", users), ("items", items), ("losses", losses), ("by users", users.grad), ("by items", items.grad)]:
    print(f"{name}: {[round(value, 7) for value in values.detach().flatten().tolist()]}")
