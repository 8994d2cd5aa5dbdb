#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What transformers, llama.cpp and tokenizers answer for a GGUF file as the frozen LLM; scripts/check-smollm.sh runs it.

    scripts/check-smollm.py make FILE.gguf OUT           OUT/transformers and OUT/llama.cpp for illmrec verify
    scripts/check-smollm.py tokens FILE.gguf OUT PROBE   token ids, PROBE is Tests/TokenizerProbe

Both goldens hold FILE.gguf alone as their LLM, over a random tower and adaptor. That of llama.cpp, which is asked by token ids, has
adaptors that make every soft token the embedding of one word, so that a prompt is token ids and nothing else. It computes on a copy of
FILE.gguf in F32 with the numbers that its blocks stand for: on the blocks themselves it would round activations to 8 bits.
"""

import importlib.util
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import gguf
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM, SiglipImageProcessor, SiglipVisionConfig, SiglipVisionModel

from llama_cpp_server import LlamaCpp

SOFT, REC = " lamp", " next"
NAMES = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
         "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj",
         "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
WHOLE = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight", "output.weight": "lm_head.weight"}


def script(name):
    path = pathlib.Path(__file__).with_name(name)
    spec = importlib.util.spec_from_file_location(name.replace("-", "_").removesuffix(".py"), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


golden = script("make-golden.py")


class Model:
    """The file as PyPI's gguf reads it."""

    def __init__(self, path):
        self.reader = gguf.GGUFReader(path)
        self.tensors = {t.name: gguf.quants.dequantize(t.data, t.tensor_type).astype(np.float32) for t in self.reader.tensors}

    def value(self, key):
        return self.reader.get_field(key).contents()

    def transformers(self):
        heads, kv_heads = self.value("llama.attention.head_count"), self.value("llama.attention.head_count_kv")
        config = LlamaConfig(
            hidden_size=self.value("llama.embedding_length"), num_hidden_layers=self.value("llama.block_count"),
            num_attention_heads=heads, num_key_value_heads=kv_heads, intermediate_size=self.value("llama.feed_forward_length"),
            max_position_embeddings=self.value("llama.context_length"), rope_theta=self.value("llama.rope.freq_base"),
            rms_norm_eps=self.value("llama.attention.layer_norm_rms_epsilon"),
            vocab_size=len(self.tensors["token_embd.weight"]), tie_word_embeddings="output.weight" not in self.tensors)
        state = {}
        for name, tensor in self.tensors.items():
            target = WHOLE.get(name)
            if target is None:
                _, layer, part, kind = name.split(".")
                target = f"model.layers.{layer}.{NAMES[part]}.{kind}"
                if part in ("attn_q", "attn_k"):
                    count = heads if part == "attn_q" else kv_heads
                    rows, width = tensor.shape
                    tensor = tensor.reshape(count, rows // count // 2, 2, width).swapaxes(1, 2).reshape(rows, width)
            state[target] = torch.from_numpy(np.ascontiguousarray(tensor))
        model = LlamaForCausalLM(config)
        missing, unexpected = model.load_state_dict(state, strict=False)
        assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
        model.tie_weights()
        return model.float().eval()

    def write_float32(self, path):
        """A copy with the numbers of the blocks, the metadata as they are."""
        writer = gguf.GGUFWriter(path, self.value("general.architecture"))
        for field in self.reader.fields.values():
            if field.name.startswith("GGUF.") or field.name == "general.architecture":
                continue
            kind = field.types[0]
            writer.add_key_value(field.name, field.contents(), kind, field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
        for name, tensor in self.tensors.items():
            writer.add_tensor(name, tensor)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def tokenizer(folder):
    result = script("check-tokenizers.py").smollm2(pathlib.Path(folder))
    result.add_tokens(["<i_vis>"])
    return result


def make_checkpoint(out, file, table, word_rows):
    """The GGUF file alone in llm/, over a random tower and adaptor."""
    shutil.rmtree(out, ignore_errors=True)
    checkpoint = f"{out}/bundle"
    for name in ("llm", "rec_module", "vision_tower"):
        os.makedirs(f"{checkpoint}/{name}")
    os.symlink(os.path.abspath(file), f"{checkpoint}/llm/{os.path.basename(file)}")
    tower = SiglipVisionModel(SiglipVisionConfig(
        hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=160, image_size=56, patch_size=14))
    tower.save_pretrained(f"{checkpoint}/vision_tower")
    SiglipImageProcessor(size={"height": 56, "width": 56}).save_pretrained(f"{checkpoint}/vision_tower")
    d = table.shape[1]
    rec = golden.random_rec_module(64, d, 32)
    deviation = table.std()
    for name in ("rec_token", "adaptor.interface.weight", "adaptor.interface.bias"):
        rec[name] *= deviation
    if word_rows:
        rec["rec_token"] = table[word_rows[1]][None].clone()
        rec["adaptor.interface.weight"].zero_()
        rec["adaptor.interface.bias"] = table[word_rows[0]].clone()
    save_file(rec, f"{checkpoint}/rec_module/model.safetensors", {"format": "pt"})
    with open(f"{checkpoint}/rec_module/config.json", "w") as stream:
        json.dump({"model_type": "projector", "visual_encoder": "siglip", "llm_dim": d, "proj_dim": 32}, stream)
    return tower.eval(), rec


@torch.no_grad()
def make_golden(out, file, ids_of, table, state, word_rows=None):
    """state gives the hidden state behind [REC] of token ids with the rows of soft tokens and of [REC]."""
    rng = random.Random(1)
    torch.manual_seed(1)
    tower, rec = make_checkpoint(out, file, table, word_rows)
    golden.draw_images(f"{out}/images", 12, rng)
    paths, titles = [f"{out}/images/{i}.jpg" for i in range(12)], golden.TITLES
    processor = SiglipImageProcessor.from_pretrained(f"{out}/bundle/vision_tower")
    embeddings = tower(processor([Image.open(p).convert("RGB") for p in paths], return_tensors="pt").pixel_values).pooler_output
    soft, vectors = golden.adaptor(rec, embeddings), golden.mlp(rec, "f_i_img", embeddings)
    expected = {"histories": [], "images": [
        {"title": title, "file": os.path.basename(path), "embedding": e.tolist(), "soft_token": s.tolist(), "item_vector": v.tolist()}
        for title, path, e, s, v in zip(titles, paths, embeddings, soft, vectors)]}
    for length in (1, 2, 4, 7, 10):
        items = rng.sample(range(12), length)
        listed = ", ".join(f"{{Title: {titles[i] or 'Unknown'}, Visual representation: <i_vis>}}" for i in items)
        prompt = golden.HEAD + listed + golden.TAIL
        ids = ids_of(prompt)
        hidden = state(ids, soft[items], rec["rec_token"])
        users = {space: golden.mlp(rec, f"f_u_{space}", hidden) for space in golden.SPACES}
        scores = vectors @ users["img"]
        expected["histories"].append({
            "items": items, "titles": [titles[i] for i in items], "prompt": prompt, "token_ids": ids,
            "hidden_state": hidden.tolist(), "user_vectors": {space: u.tolist() for space, u in users.items()},
            "image_scores": scores.tolist(), "ranking": scores.argsort(descending=True).tolist()})
    with open(f"{out}/expected.json", "w") as stream:
        json.dump(expected, stream)
    return expected


def distance(found, wanted):
    return ((found - wanted).norm() / wanted.norm()).item()


def make(file, out):
    model = Model(file)
    llm = model.transformers()
    table = llm.model.embed_tokens.weight.detach()
    words = tokenizer(os.path.dirname(file))
    marker = words.token_to_id("<i_vis>")
    ids_of = lambda text: words.encode(text).ids
    soft_id, rec_id = (ids_of(word)[0] for word in (SOFT, REC))

    def by_transformers(ids, soft, rec):
        ids = torch.tensor(ids)
        rows = table[ids.where(ids != marker, 0)].clone()
        rows[ids == marker] = soft
        return llm.model(inputs_embeds=torch.cat([rows, rec.reshape(1, -1)])[None]).last_hidden_state[0, -1]

    make_golden(f"{out}/transformers", file, ids_of, table, by_transformers)
    with tempfile.TemporaryDirectory() as folder:
        model.write_float32(f"{folder}/f32.gguf")
        exact, rounded = LlamaCpp(f"{folder}/f32.gguf"), LlamaCpp(file)
        distances = {"llama.cpp in F32": [], "llama.cpp on the file's blocks": []}

        def by_llama_cpp(ids, soft, rec):
            plain = [soft_id if i == marker else i for i in ids] + [rec_id]
            reference, state = by_transformers(ids, soft, rec), exact.state(plain)
            distances["llama.cpp in F32"].append(distance(state, reference))
            distances["llama.cpp on the file's blocks"].append(distance(rounded.state(plain), reference))
            return state

        make_golden(f"{out}/llama.cpp", file, ids_of, table, by_llama_cpp, (soft_id, rec_id))
    for name, values in distances.items():
        print(f"{name}, from transformers: hidden states at most {max(values):.1e}")


def tokens(file, out, probe):
    hostile = script("check-tokenizers.py").texts(10_000, 1)
    prompts = [history["prompt"] for history in json.load(open(f"{out}/transformers/expected.json"))["histories"]]
    texts = prompts + hostile
    with tempfile.NamedTemporaryFile("w", suffix=".json") as stream:
        json.dump(texts, stream)
        stream.flush()
        lines = subprocess.run(
            [probe, f"{out}/transformers/bundle/llm", stream.name], check=True, capture_output=True, text=True).stdout.split("\n")
    ours = [[int(i) for i in line.split()] for line in lines[:len(texts)]]
    words, cpp = tokenizer(os.path.dirname(file)), LlamaCpp(file)
    theirs = [words.encode(text).ids for text in texts]
    wrong = [text for text, a, b in zip(texts, ours, theirs) if a != b]
    print(f"tokenizers: {len(texts) - len(wrong)} of {len(texts)} texts have the same ids")
    for text in wrong[:5]:
        print("  ", repr(text)[:200])
    # llama.cpp knows no <i_vis>, and has tables of Unicode of its own.
    plain = [(text, ids) for text, ids in zip(texts, ours) if "<i_vis>" not in text]
    same = [cpp.tokens(text) == ids for text, ids in plain[:2000]]
    listed = [golden.HEAD + t + golden.TAIL for t in golden.TITLES]
    prompts_same = all(cpp.tokens(text) == words.encode(text).ids for text in listed)
    print(f"llama.cpp: {sum(same)} of {len(same)} hostile texts have the same ids, and {'all' if prompts_same else 'NOT ALL'} prompts")
    if wrong or not prompts_same:
        sys.exit(1)


if __name__ == "__main__":
    {"make": make, "tokens": tokens}[sys.argv[1]](*sys.argv[2:])
