#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the LLM of a checkpoint as GGUF: write_gguf.py CHECKPOINT/llm OUT.gguf bf16|q8_0"""
import json
import sys

import gguf
import numpy as np
from safetensors import safe_open

TYPES = {"bf16": (gguf.GGMLQuantizationType.BF16, gguf.LlamaFileType.MOSTLY_BF16),
         "q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0)}
NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
         "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}


def gguf_name(name):
    whole = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
             "lm_head.weight": "output.weight"}
    if name in whole:
        return whole[name]
    layer, part = name.removeprefix("model.layers.").removesuffix(".weight").split(".", 1)
    return f"blk.{layer}.{NAMES[part]}.weight"


def interleaved(weight, heads):
    """GGUF rotates neighbours where Hugging Face rotates halves."""
    rows, width = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, width).swapaxes(1, 2).reshape(rows, width)


def main():
    directory, out, kind = sys.argv[1:]
    with open(f"{directory}/config.json") as file:
        config = json.load(file)
    kind, file_type = TYPES[kind]
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    writer = gguf.GGUFWriter(out, "llama", use_temp_file=False)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(file_type)
    writer.add_tokenizer_model("none")
    with safe_open(f"{directory}/model.safetensors", framework="pt") as weights:
        for name in weights.keys():
            value = weights.get_tensor(name).float().numpy()
            if value.ndim == 1:
                writer.add_tensor(gguf_name(name), value)
                continue
            if "q_proj" in name:
                value = interleaved(value, heads)
            elif "k_proj" in name:
                value = interleaved(value, kv_heads)
            writer.add_tensor(gguf_name(name), gguf.quants.quantize(np.ascontiguousarray(value), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
