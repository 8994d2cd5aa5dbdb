#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes Tests/TestSupport/DecoderGoldens+Cases.swift: for each family of decoders a tiny configuration, and what the model of
transformers makes of it; and Tests/TestSupport/LowRankGoldens+Cases.swift: what it makes of it with a LoRA of its attention. Weights
and inputs follow from a formula that the tests compute too.

    pip install torch transformers==5.24.0 && scripts/make-decoder-goldens.py
"""
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import torch
import transformers

import decoder_families

TESTS = pathlib.Path(__file__).parent.parent / "Tests/TestSupport"
WIDTH, ROWS, VOCABULARY, RANK = 16, 12, 8, 2
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "qkv_proj", "o_proj")
MASK = (1 << 64) - 1


def uniform(name, count):
    """`count` multiples of 2^-23 in [-1, 1): SplitMix64 from the FNV-1a hash of the name."""
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = ((state ^ byte) * 0x100000001B3) & MASK
    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(state)
    z = (steps ^ (steps >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(40)).astype(np.float64) / (1 << 23) - 1).astype(np.float32)


def weight(name, shape, adds_one):
    values = uniform(name, int(np.prod(shape)))
    if len(shape) == 2:
        values = values * np.float32(2 / shape[1] ** 0.5)
    elif name.endswith("norm.weight"):
        values = values * np.float32(0.25) + np.float32(0 if adds_one else 1)
    else:
        values = values * np.float32(0.25)
    return torch.from_numpy(values.reshape(shape))


def numbers(values):
    return "[" + ", ".join(f"{value:.8g}" for value in values) + "]"


def wrapped(text, indent):
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + len(word) + 1 > 112 - indent:
            lines.append(line)
            line = ""
        line += (" " if line else "") + word
    return ("\n" + " " * indent).join(lines + [line])


def filled(name):
    """The model, and the shapes of its first layer and its final norm by name."""
    llm = decoder_families.model(name, WIDTH, VOCABULARY)
    adds_one = name.startswith("gemma")
    tensors = {}
    with torch.no_grad():
        for tensor, value in llm.model.state_dict().items():
            # Every layer has the same; embeddings are not read.
            if tensor.startswith(("layers.0.", "norm.")):
                tensors[tensor] = list(value.shape)
            value.copy_(weight(tensor, value.shape, adds_one))
    return llm, tensors


def differentiated(llm):
    """The rows that were read, with their gradient, and the last state."""
    rows = torch.from_numpy(uniform("rows", ROWS * WIDTH).reshape(1, ROWS, WIDTH)).requires_grad_(True)
    hidden = llm.model(inputs_embeds=rows).last_hidden_state[0, -1]
    (hidden @ torch.from_numpy(uniform("loss", WIDTH))).backward()
    return rows, hidden


def low_rank(llm):
    """Adds a LoRA to attention's matrices, with a scale of 1; its halves by name."""
    halves = {}
    for name, module in llm.model.named_modules():
        if not name.endswith(PROJECTIONS):
            continue
        a = torch.from_numpy(uniform(f"{name}.lora_A.weight", RANK * module.in_features).reshape(RANK, -1) / 2).requires_grad_(True)
        b = torch.from_numpy(uniform(f"{name}.lora_B.weight", module.out_features * RANK).reshape(-1, RANK) / 2).requires_grad_(True)
        halves |= {f"{name}.lora_A.weight": a, f"{name}.lora_B.weight": b}
        module.register_forward_hook(lambda _, read, given, a=a, b=b: given + read[0] @ a.T @ b.T)
    return halves


def low_rank_case(name):
    """A parameter's slope is its gradient's inner product with numbers that follow from its name."""
    llm, _ = filled(name)
    halves = low_rank(llm)
    rows, hidden = differentiated(llm)
    slopes = [float(half.grad.flatten() @ torch.from_numpy(uniform(f"slope of {half_name}", half.numel())))
              for half_name, half in halves.items()]
    return (f'    LowRankGolden(\n      name: "{name}",\n      hidden: {wrapped(numbers(hidden.tolist()), 8)},\n'
            f'      gradientByRow1: {wrapped(numbers(rows.grad[0, 1, :8].tolist()), 8)},\n'
            f'      names: {wrapped(json.dumps([half for half in halves if half.startswith("layers.0.")]), 8)},\n'
            f'      slopes: {wrapped(numbers(slopes), 8)}),')


def case(name):
    llm, tensors = filled(name)
    rows, hidden = differentiated(llm)
    with tempfile.TemporaryDirectory() as directory:
        llm.config.save_pretrained(directory)
        config = json.loads((pathlib.Path(directory) / "config.json").read_text())
    # What every model has, or what changes nothing.
    for key in ("transformers_version", "architectures", "initializer_range", "use_cache", "attention_dropout",
                "bos_token_id", "eos_token_id", "pad_token_id", "pretraining_tp", "embd_pdrop", "resid_pdrop"):
        config.pop(key, None)
    return {"name": name, "config": config, "tensors": tensors, "hidden": hidden.tolist(),
            "first": rows.grad[0, 1, :8].tolist(), "last": rows.grad[0, -2, :8].tolist()}


def swift(found):
    config = wrapped(json.dumps(found["config"], sort_keys=True), 8)
    shapes = wrapped(json.dumps(found["tensors"]), 8)
    return (f'    DecoderGolden(\n      name: "{found["name"]}",\n'
            f'      configuration: #"""\n        {config}\n        """#,\n'
            f'      tensors: #"""\n        {shapes}\n        """#,\n'
            f'      hidden: {wrapped(numbers(found["hidden"]), 8)},\n'
            f'      gradientByRow1: {wrapped(numbers(found["first"]), 8)},\n'
            f'      gradientByRow10: {wrapped(numbers(found["last"]), 8)}),')


def write(file, type_name, cases):
    (TESTS / file).write_text(
        "// SPDX-License-Identifier: Apache-2.0\n\n"
        f"// Written by scripts/make-decoder-goldens.py with transformers {transformers.__version__}.\n\n"
        f"extension {type_name} {{\n  package static let all: [{type_name}] = [\n" + "\n".join(cases) + "\n  ]\n}\n")
    subprocess.run(["swift", "format", "-i", str(TESTS / file)], check=True)


def main():
    write("DecoderGoldens+Cases.swift", "DecoderGolden", [swift(case(name)) for name in decoder_families.VARIANTS])
    write("LowRankGoldens+Cases.swift", "LowRankGolden", [low_rank_case(name) for name in decoder_families.VARIANTS])


if __name__ == "__main__":
    main()
