#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a random checkpoint of a real model's shape in the published layout: what benchmarks of speed and memory need.

    make_checkpoint.py OUT --llm 2560,32,20,20,6912 --tower 1152,27,16,4304,384,14 --tokenizer tokenizer.model

The defaults are the shapes of Sheared-LLaMA-2.7B and SigLIP so400m-patch14-384. Weights are normal with deviation 0.02, in bf16;
norms are one. Its answers mean nothing.
"""
import argparse
import io
import json
import os
import random
import shutil
import struct

import numpy as np

SPACES = {"img": None, "cf": 50, "text": 768}


def bf16(values):
    """float32 to the bits of bfloat16, to nearest even."""
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


class Weights:
    """Tensors by name and shape, written to a safetensors file one after the other."""

    def __init__(self, seed):
        generator = np.random.default_rng(seed)
        self.pool = bf16(generator.standard_normal(1 << 24, dtype=np.float32) * np.float32(0.02))
        self.random = random.Random(seed)
        self.tensors = {}

    def matrix(self, name, *shape):
        self.tensors[name] = (shape, None)

    def constant(self, name, value, *shape):
        self.tensors[name] = (shape, value)

    def linear(self, name, outputs, inputs):
        self.matrix(f"{name}.weight", outputs, inputs)
        self.constant(f"{name}.bias", 0.0, outputs)

    def norm(self, name, width):
        self.constant(f"{name}.weight", 1.0, width)
        self.constant(f"{name}.bias", 0.0, width)

    def write(self, path):
        header, offset = {"__metadata__": {"format": "pt"}}, 0
        for name, (shape, _) in self.tensors.items():
            size = 2 * int(np.prod(shape))
            header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
            offset += size
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(path, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for shape, value in self.tensors.values():
                self.write_values(file, int(np.prod(shape)), value)

    def write_values(self, file, count, value):
        if value is not None:
            bf16(np.full(count, value, np.float32)).tofile(file)
            return
        # Any stretch of the pool is as random as new numbers, and quicker to come by.
        while count > 0:
            start = self.random.randrange(len(self.pool) // 2)
            part = self.pool[start:start + count]
            part.tofile(file)
            count -= len(part)


def write_json(path, value):
    with open(path, "w") as file:
        json.dump(value, file, indent=1)


def make_llm(directory, shape, seed, tokenizer, pieces):
    width, layers, heads, kv_heads, mlp = shape
    os.makedirs(directory)
    vocabulary = make_tokenizer(directory, tokenizer, pieces)
    weights, head = Weights(seed), width // heads
    weights.matrix("model.embed_tokens.weight", vocabulary, width)
    for layer in range(layers):
        name = f"model.layers.{layer}"
        weights.constant(f"{name}.input_layernorm.weight", 1.0, width)
        for part, outputs in (("q", heads * head), ("k", kv_heads * head), ("v", kv_heads * head)):
            weights.matrix(f"{name}.self_attn.{part}_proj.weight", outputs, width)
        weights.matrix(f"{name}.self_attn.o_proj.weight", width, heads * head)
        weights.constant(f"{name}.post_attention_layernorm.weight", 1.0, width)
        weights.matrix(f"{name}.mlp.gate_proj.weight", mlp, width)
        weights.matrix(f"{name}.mlp.up_proj.weight", mlp, width)
        weights.matrix(f"{name}.mlp.down_proj.weight", width, mlp)
    weights.constant("model.norm.weight", 1.0, width)
    weights.matrix("lm_head.weight", vocabulary, width)
    weights.write(f"{directory}/model.safetensors")
    write_json(f"{directory}/config.json", {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": width, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": kv_heads, "intermediate_size": mlp, "hidden_act": "silu",
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "max_position_embeddings": 4096, "vocab_size": vocabulary,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "tie_word_embeddings": False, "torch_dtype": "bfloat16"})


def make_tokenizer(directory, source, pieces):
    """Copies `source`, or trains one of `pieces` at most, and adds <i_vis> as the published code does; returns its size."""
    import sentencepiece
    path = f"{directory}/tokenizer.model"
    if source:
        shutil.copy(source, path)
    else:
        letters = random.Random(0)
        words = ["".join(letters.choices("abcdefghijklmnopqrstuvwxyz", k=letters.randint(2, 9))) for _ in range(pieces * 3 // 4)]
        text = (" ".join(letters.choices(words, k=12)) for _ in range(20000))
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=text, model_writer=model, model_type="bpe", vocab_size=pieces, byte_fallback=True,
            character_coverage=1.0, normalization_rule_name="identity", remove_extra_whitespaces=False,
            add_dummy_prefix=True, split_digits=True, hard_vocab_limit=False, minloglevel=2)
        with open(path, "wb") as file:
            file.write(model.getvalue())
    size = sentencepiece.SentencePieceProcessor(model_file=path).get_piece_size()
    write_json(f"{directory}/added_tokens.json", {"<i_vis>": size})
    write_json(f"{directory}/tokenizer_config.json", {
        "tokenizer_class": "LlamaTokenizer", "legacy": False, "add_bos_token": True, "add_eos_token": False,
        "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<unk>",
        "added_tokens_decoder": {str(size): {
            "content": "<i_vis>", "lstrip": False, "normalized": True, "rstrip": False, "single_word": False,
            "special": False}}})
    return size + 1


def make_tower(directory, shape, seed):
    width, layers, heads, mlp, image, patch = shape
    os.makedirs(directory)
    weights, root = Weights(seed), "vision_model"
    weights.matrix(f"{root}.embeddings.patch_embedding.weight", width, 3, patch, patch)
    weights.constant(f"{root}.embeddings.patch_embedding.bias", 0.0, width)
    weights.matrix(f"{root}.embeddings.position_embedding.weight", (image // patch) ** 2, width)
    for layer in range(layers):
        name = f"{root}.encoder.layers.{layer}"
        for part in ("q", "k", "v", "out"):
            weights.linear(f"{name}.self_attn.{part}_proj", width, width)
        weights.norm(f"{name}.layer_norm1", width)
        weights.norm(f"{name}.layer_norm2", width)
        weights.linear(f"{name}.mlp.fc1", mlp, width)
        weights.linear(f"{name}.mlp.fc2", width, mlp)
    weights.norm(f"{root}.post_layernorm", width)
    weights.matrix(f"{root}.head.probe", 1, 1, width)
    weights.matrix(f"{root}.head.attention.in_proj_weight", 3 * width, width)
    weights.constant(f"{root}.head.attention.in_proj_bias", 0.0, 3 * width)
    weights.linear(f"{root}.head.attention.out_proj", width, width)
    weights.norm(f"{root}.head.layernorm", width)
    weights.linear(f"{root}.head.mlp.fc1", mlp, width)
    weights.linear(f"{root}.head.mlp.fc2", width, mlp)
    weights.write(f"{directory}/model.safetensors")
    write_json(f"{directory}/config.json", {
        "model_type": "siglip_vision_model", "hidden_size": width, "num_hidden_layers": layers,
        "num_attention_heads": heads, "intermediate_size": mlp, "image_size": image, "patch_size": patch,
        "num_channels": 3, "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6})
    write_json(f"{directory}/preprocessor_config.json", {
        "image_processor_type": "SiglipImageProcessor", "do_resize": True, "do_rescale": True, "do_normalize": True,
        "size": {"height": image, "width": image}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "resample": 3,
        "rescale_factor": 1 / 255})


def make_rec_module(directory, embedding_width, llm_width, space_width, seed):
    os.makedirs(directory)
    weights = Weights(seed)
    weights.matrix("rec_token", 1, llm_width)
    weights.linear("adaptor.proj_v2c", 512, embedding_width)
    weights.norm("adaptor.layernorm", 512)
    weights.linear("adaptor.interface", llm_width, 512)
    for space, features in SPACES.items():
        for side, inputs in (("i", features or embedding_width), ("u", llm_width)):
            name = f"f_{side}_{space}.mlp"
            weights.linear(f"{name}.0", 2 * space_width, inputs)
            weights.norm(f"{name}.1", 2 * space_width)
            weights.linear(f"{name}.3", space_width, 2 * space_width)
    weights.write(f"{directory}/model.safetensors")
    write_json(f"{directory}/config.json", {
        "model_type": "projector", "visual_encoder": "siglip", "llm_dim": llm_width, "proj_dim": space_width})


def numbers(text):
    return [int(number) for number in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--llm", type=numbers, default=numbers("2560,32,20,20,6912"), help="width,layers,heads,kv heads,mlp")
    parser.add_argument("--tower", type=numbers, default=numbers("1152,27,16,4304,384,14"),
                        help="width,layers,heads,mlp,image,patch")
    parser.add_argument("--space-width", type=int, default=512)
    parser.add_argument("--tokenizer", help="a tokenizer.model; without it a small one is trained, which gives longer prompts")
    parser.add_argument("--pieces", type=int, default=4000, help="most pieces of a tokenizer that is trained (LLaMA has 32000)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    make_llm(f"{options.out}/llm", options.llm, options.seed, options.tokenizer, options.pieces)
    make_tower(f"{options.out}/vision_tower", options.tower, options.seed + 1)
    make_rec_module(f"{options.out}/rec_module", options.tower[0], options.llm[0], options.space_width, options.seed + 2)


if __name__ == "__main__":
    main()
