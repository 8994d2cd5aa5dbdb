#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes of each golden of scripts/make-families.py two whose LLM is one GGUF file, in F32 and in Q8_0, and asks llama.cpp about the first.

    scripts/family_ggufs.py FAMILIES OUT

The file is written with PyPI's gguf as llama.cpp's convert_hf_to_gguf.py writes it. Where conversion leaves something out that the golden
needs, its config.json lies beside the file. What is expected of OUT/f32/NAME is what transformers made of FAMILIES/NAME; of OUT/q8_0/NAME,
what it makes of the numbers that the blocks stand for. llama.cpp reads the file in F32 too and must agree with transformers, which then is
told what llama.cpp takes for granted. Exits 1 when it does not.
"""
import importlib.util
import json
import math
import os
import pathlib
import random
import shutil
import sys

import gguf
import numpy as np
import torch
from safetensors.torch import load_file
from sentencepiece import SentencePieceProcessor
from transformers import AutoConfig, AutoModelForCausalLM

from llama_cpp_server import LlamaCpp

ARCHITECTURES = {"mistral": "llama", "gemma3_text": "gemma3"}
REORDERED = ("llama", "smollm3")
# Conversion leaves out mscale and truncate.
LOST = ("llama yarn, not truncated",)
# By model_type: keys of the config.json that conversion leaves out.
INCOMPLETE = ("gemma2", "gemma3_text", "smollm3", "mistral", "qwen2")
# ggml looks the GELU of Gemma up in a table of 16-bit floats.
BOUND, GELU_BOUND = 1e-5, 1e-3


def script(name):
    path = pathlib.Path(__file__).with_name(name)
    spec = importlib.util.spec_from_file_location(name.replace("-", "_").removesuffix(".py"), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rope_of(config):
    rope = config.get("rope_parameters") or {}
    return rope.get("full_attention", rope), rope.get("sliding_attention")


def head_width(config):
    return config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]


def llama3_factors(rope, width):
    """What the frequencies of the pairs of a head are divided by."""
    old, low, high = (rope[key] for key in ("original_max_position_embeddings", "low_freq_factor", "high_freq_factor"))
    factors = []
    for i in range(0, width, 2):
        wavelength = 2 * math.pi * rope["rope_theta"] ** (i / width)
        if wavelength < old / high:
            factors.append(1.0)
        elif wavelength > old / low:
            factors.append(rope["factor"])
        else:
            smooth = (old / wavelength - low) / (high - low)
            factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return np.array(factors, dtype=np.float32)


def describe(writer, config, architecture):
    """The metadata, and the tensors that belong to them."""
    rope, local = rope_of(config)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    if config.get("head_dim"):
        writer.add_key_length(config["head_dim"])
        writer.add_value_length(config["head_dim"])
    if architecture != "gemma2":
        writer.add_rope_freq_base(rope["rope_theta"])
    if local:
        writer.add_rope_freq_base_swa(local["rope_theta"])
    if architecture in ("gemma2", "gemma3", "phi3"):
        writer.add_sliding_window(config["sliding_window"] or 0)
    if config.get("attn_logit_softcapping"):
        writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
    if config.get("final_logit_softcapping"):
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    if architecture in ("llama", "phi3", "smollm3"):
        writer.add_rope_dimension_count(int(rope.get("partial_rotary_factor", 1) * head_width(config)))
    kind = rope.get("rope_type", "default")
    original = rope.get("original_max_position_embeddings", config.get("original_max_position_embeddings", 4096))
    if architecture == "phi3":
        writer.add_rope_scaling_orig_ctx_len(original)
    if kind in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
        writer.add_rope_scaling_factor(rope["factor"])
    if kind == "yarn":
        writer.add_rope_scaling_orig_ctx_len(original)
    if kind == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_factors(rope, head_width(config)))
    if kind == "longrope":
        scale = config["max_position_embeddings"] / original
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(original)))
        for side in ("long", "short"):
            writer.add_tensor(f"rope_factors_{side}.weight", np.array(rope[f"{side}_factor"], dtype=np.float32))


def add_tokens(writer, llm, count):
    pieces = SentencePieceProcessor(model_file=f"{llm}/tokenizer.model")
    kinds = [2 if pieces.IsUnknown(i) else 3 if pieces.IsControl(i) else 6 if pieces.IsByte(i) else 1 for i in range(len(pieces))]
    padding = range(len(pieces), count)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([pieces.IdToPiece(i) for i in range(len(pieces))] + [f"[PAD{i}]" for i in padding])
    writer.add_token_scores([pieces.GetScore(i) for i in range(len(pieces))] + [-1000.0] * len(padding))
    writer.add_token_types(kinds + [5] * len(padding))
    writer.add_bos_token_id(pieces.bos_id())
    writer.add_eos_token_id(pieces.eos_id())
    writer.add_unk_token_id(pieces.unk_id())


def permuted(value, heads):
    return value.reshape(heads, 2, value.shape[0] // heads // 2, *value.shape[1:]).swapaxes(1, 2).reshape(value.shape)


def quantized(value, kind):
    """Blocks, and the numbers that they stand for; norms, biases and rows that are no whole blocks stay as they are."""
    if kind == "f32" or value.ndim < 2 or value.shape[1] % 32:
        return value, gguf.GGMLQuantizationType.F32, value
    q8 = gguf.GGMLQuantizationType.Q8_0
    blocks = gguf.quants.quantize(value, q8)
    return blocks, q8, gguf.quants.dequantize(blocks, q8)


def write(path, llm, config, state, kind):
    """Writes the file, and gives the weights that it stands for under the names of transformers."""
    architecture = ARCHITECTURES.get(config["model_type"], config["model_type"])
    number = next(a for a, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    names = gguf.get_tensor_name_map(number, config["num_hidden_layers"])
    writer = gguf.GGUFWriter(path, architecture)
    describe(writer, config, architecture)
    add_tokens(writer, llm, config["vocab_size"])
    meant = dict(state)
    for name, tensor in state.items():
        value = tensor.float().numpy()
        if name == "lm_head.weight" and config["tie_word_embeddings"]:
            continue
        if config["model_type"].startswith("gemma") and name.endswith("norm.weight"):
            value = value + np.float32(1)
        # Rows are quantised one by one, so that it does not matter which comes first.
        blocks, quantization, stored = quantized(value, kind)
        if stored is not value:
            meant[name] = torch.from_numpy(stored)
        if architecture in REORDERED and ".self_attn.q_proj." in name:
            blocks = permuted(blocks, config["num_attention_heads"])
        if architecture in REORDERED and ".self_attn.k_proj." in name:
            blocks = permuted(blocks, config["num_key_value_heads"])
        ggml = names.get_name(name, try_suffixes=(".weight", ".bias"))
        writer.add_tensor(ggml, np.ascontiguousarray(blocks), raw_dtype=quantization)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return meant


def loaded(config, state, changes=None):
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(**{**config, **(changes or {}), "dtype": None}), attn_implementation="eager").float().eval()
    missing, unexpected = model.load_state_dict({name: value.float() for name, value in state.items()}, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()
    return model


def assumed(config):
    """What llama.cpp takes for granted of the architecture, in the words of a config.json."""
    layers = config["num_hidden_layers"]
    full = {"sliding_window": None, "use_sliding_window": False, "layer_types": ["full_attention"] * layers}
    return {
        "mistral": {"sliding_window": None}, "qwen2": full, "qwen3": full, "phi3": {"sliding_window": None},
        "smollm3": {**full, "no_rope_layers": [int((i + 1) % 4 != 0) for i in range(layers)]},
        "gemma2": {"query_pre_attn_scalar": config.get("head_dim")},
        "gemma3_text": {"query_pre_attn_scalar": config.get("head_dim"), "layer_types": [
            "full_attention" if i % 6 == 5 else "sliding_attention" for i in range(layers)]},
    }.get(config["model_type"], {})


@torch.no_grad()
def distance_to_llama_cpp(path, config, state):
    """The worst of three random prompts."""
    cpp = LlamaCpp(path)
    model = loaded(config, state, assumed(config))
    rng = random.Random(1)
    distances = []
    for length in (3, 17, 40):
        ids = [1] + [rng.randrange(3, config["vocab_size"] - 40) for _ in range(length)]
        wanted = model.model(torch.tensor([ids])).last_hidden_state[0, -1]
        distances.append(((cpp.state(ids) - wanted).norm() / wanted.norm()).item())
    return max(distances)


@torch.no_grad()
def make(families, name, golden, llm, config, state, kind, out):
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(f"{out}/bundle/llm")
    for part in ("images", "bundle/rec_module", "bundle/vision_tower"):
        os.symlink(os.path.abspath(f"{golden}/{part}"), f"{out}/{part}")
    for file in os.listdir(llm):
        if "token" in file or file == "config.json" and config["model_type"] in INCOMPLETE:
            shutil.copy(f"{llm}/{file}", f"{out}/bundle/llm")
    path = f"{out}/bundle/llm/model.gguf"
    meant = write(path, llm, config, state, kind)
    with open(f"{golden}/expected.json") as stream:
        expected = json.load(stream)
    if kind != "f32":
        model = loaded(config, meant)
        embed = model.model.embed_tokens
        rec = load_file(f"{golden}/bundle/rec_module/model.safetensors")
        scale = float(getattr(embed, "embed_scale", 1.0))
        expected = families.answered(expected, model, embed.weight, scale, config["vocab_size"], rec)
    with open(f"{out}/expected.json", "w") as stream:
        json.dump(expected, stream)
    return path


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder, out = sys.argv[1:]
    families = script("make-families.py")
    failed = False
    print("| family | llama.cpp from transformers |\n| --- | --- |", flush=True)
    for name in sorted(os.listdir(folder)):
        if name in LOST:
            continue
        golden, llm = f"{folder}/{name}", f"{folder}/{name}/bundle/llm"
        with open(f"{llm}/config.json") as stream:
            config = json.load(stream)
        state = load_file(f"{llm}/model.safetensors")
        path = make(families, name, golden, llm, config, state, "f32", f"{out}/f32/{name}")
        make(families, name, golden, llm, config, state, "q8_0", f"{out}/q8_0/{name}")
        distance = distance_to_llama_cpp(path, config, state)
        sound = distance < (GELU_BOUND if "gemma" in name else BOUND)
        failed = failed or not sound
        print(f"| {name} | {distance:.1e}{'' if sound else ' FAIL'} |", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
