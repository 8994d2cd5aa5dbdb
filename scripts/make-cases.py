#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes checkpoints and raw data as other tools write them, and says what each must come to.

    scripts/make-cases.py OUT      (needs what scripts/make-golden.py needs; make check-cases runs it)

OUT/checkpoints/<case> is a golden: `bundle/`, `expected.json`, and `case.json` with {"refused": words of the message} where the
checkpoint must not be read. What is computed anew is computed by PyTorch and Hugging Face transformers.
OUT/data/<case> is a source for `illmrec data prepare`, with `case.json`: {"equals": case}, or {"refused": words}.
"""
import importlib.util
import json
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import zipfile

import torch
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).parent
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 97797\n"
spec = importlib.util.spec_from_file_location("make_golden", HERE / "make-golden.py")
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)


class Checkpoints:
    def __init__(self, out):
        self.out = out
        self.base = out / "base"
        subprocess.run([sys.executable, HERE / "make-golden.py", self.base, "--seed", "11"], check=True)
        self.images = [str(path) for path in sorted((self.base / "images").iterdir(), key=lambda p: int(p.stem))]
        self.titles = [image["title"] for image in json.loads((self.base / "expected.json").read_text())["images"]]

    def case(self, name, refused=None):
        """A copy of the base, to be changed."""
        directory = self.out / name
        shutil.copytree(self.base, directory)
        if refused:
            (directory / "case.json").write_text(json.dumps({"refused": refused}))
        return directory / "bundle"

    def answer(self, bundle, reference):
        """What the reference framework answers for `reference`, the same model in the form that it reads."""
        expected = golden.answers(str(reference), str(reference / "llm"), self.images, self.titles, random.Random(11))
        (bundle.parent / "expected.json").write_text(json.dumps(expected))

    def configured(self, name, changes, refused=None, reference=None, part="llm", file="config.json"):
        bundle = self.case(name, refused)
        edit(bundle / part / file, changes)
        if reference is not None:
            other = self.out.parent / "references" / name
            shutil.copytree(self.base / "bundle", other)
            edit(other / part / file, reference)
            self.answer(bundle, other)
        return bundle


def edit(path, changes):
    value = json.loads(path.read_text())
    for key, change in changes.items():
        if change is Missing:
            value.pop(key, None)
        else:
            value[key] = change
    path.write_text(json.dumps(value, indent=2))


class Missing:
    pass


def make_configurations(make):
    old = {"rope_theta": Missing, "rope_scaling": Missing}
    make.configured("rope-parameters-theta", old | {"rope_parameters": {"rope_theta": 5e5, "rope_type": "default"}},
                    reference={"rope_theta": 5e5})
    make.configured("rope-parameters-linear", old | {"rope_parameters": {"rope_theta": 1e4, "rope_type": "linear", "factor": 4.0}},
                    reference={"rope_scaling": {"type": "linear", "factor": 4.0}})
    make.configured("rope-scaling-linear", {"rope_scaling": {"rope_type": "linear", "factor": 2.0}},
                    reference={"rope_scaling": {"type": "linear", "factor": 2.0}})
    for kind, named in (("longrope", '"longrope"'), ("mrope", '"mrope"'), ("llama3", "low_freq_factor")):
        make.configured(f"rope-{kind}", {"rope_scaling": {"rope_type": kind, "factor": 8.0}}, refused=named)
        make.configured(f"rope-parameters-{kind}", old | {"rope_parameters": {"rope_theta": 1e4, "rope_type": kind, "factor": 8.0}},
                        refused=named)
    make.configured("rope-parameters-dynamic", old | {"rope_parameters": {"rope_theta": 1e4, "rope_type": "dynamic", "factor": 8.0}},
                    reference={"rope_scaling": {"type": "dynamic", "factor": 8.0}})
    make.configured("sliding-window", {"sliding_window": 64}, refused="sliding_window")
    make.configured("quantised", {"quantization_config": {"quant_method": "awq"}}, refused="quantization_config")
    make.configured("tower-without-head", {"vision_use_head": False}, refused="vision_use_head", part="vision_tower")
    make.configured("centre-crop", {"do_center_crop": True}, refused="do_center_crop", part="vision_tower",
                    file="preprocessor_config.json")
    bundle = make.case("configuration-of-python-and-windows")
    path = bundle / "llm/config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b'"use_cache": true', b'"use_cache": true, "top_p": NaN'))
    for name in ("dtype", "torch_dtype"):
        bundle, other = make.case(f"bfloat16-{name}"), make.out.parent / "references" / name
        shutil.copytree(make.base / "bundle", other)
        for place in (bundle, other):
            weights = place / "llm/model.safetensors"
            save_file({k: v.bfloat16() for k, v in load_file(weights).items()}, weights, {"format": "pt"})
            edit(place / "llm/config.json", {"torch_dtype": "bfloat16"})
        edit(bundle / "llm/config.json", {"torch_dtype": Missing, name: "bfloat16"})
        make.answer(bundle, other)


def make_files(make):
    rec = load_file(make.base / "bundle/rec_module/model.safetensors")
    embeddings = torch.load(make.base / "bundle/llm_parameter/token_embed.pth")["weight"]

    def rec_case(name, value, refused=None, **options):
        bundle = make.case(name, refused)
        (bundle / "rec_module/model.safetensors").unlink()
        torch.save(value, bundle / "rec_module/pytorch_model.bin", **options)

    def embedding_case(name, value, refused=None, **options):
        torch.save(value, make.case(name, refused) / "llm_parameter/token_embed.pth", **options)

    for prefix in ("module.", "_orig_mod.", "rec_module.", "_orig_mod.module."):
        save_file({prefix + k: v for k, v in rec.items()}, make.case("rec-" + prefix.strip("._")) / "rec_module/model.safetensors")
    save_file({k: v.double() for k, v in rec.items()}, make.case("rec-float64") / "rec_module/model.safetensors")
    rec_case("rec-legacy", rec, _use_new_zipfile_serialization=False)
    rec_case("rec-wrapped", {"epoch": 3, "state_dict": rec, "loss": 0.1, "optimizer": {"state": {0: rec}, "param_groups": []}})
    rec_case("rec-two-states", {"model": rec, "ema": rec}, refused='"model" and "ema"')
    for protocol in (4, 5):
        rec_case(f"rec-protocol-{protocol}", rec, pickle_protocol=protocol)
    rec_case("rec-columns-first", {k: v.t().contiguous().t() if v.dim() == 2 else v for k, v in rec.items()})
    flat, views, start = torch.cat([v.flatten() for v in rec.values()]), {}, 0
    for name, value in rec.items():
        views[name] = flat[start:start + value.numel()].view(value.shape)
        start += value.numel()
    rec_case("rec-one-storage", views)

    embedding_case("embeddings-legacy", embeddings, _use_new_zipfile_serialization=False)
    embedding_case("embeddings-float64", embeddings.double())
    attributed = torch.nn.Parameter(embeddings)
    attributed.tag = "x"
    embedding_case("embeddings-parameter-with-attribute", attributed)
    embedding_case("embeddings-of-a-larger-tensor", torch.cat([torch.randn(7, embeddings.shape[1]), embeddings])[7:])
    embedding_case("embeddings-with-the-neg-bit", torch._neg_view(-embeddings), refused="resolve_neg()")
    embedding_case("embeddings-float8", embeddings.to(torch.float8_e4m3fn), refused="F8_E4M3")
    module = torch.nn.Embedding(*embeddings.shape)
    embedding_case("embeddings-whole-module", module, refused="torch.nn.modules")
    torch.jit.script(torch.nn.Linear(3, 3)).save(str(make.case("embeddings-torchscript", "TorchScript") / "llm_parameter/token_embed.pth"))
    save_file({"weight": embeddings}, make.case("embeddings-safetensors-named-pth") / "llm_parameter/token_embed.pth")
    (make.case("embeddings-pointer", "Git LFS pointer") / "llm_parameter/token_embed.pth").write_text(POINTER)
    packed = make.case("embeddings-deflated") / "llm_parameter/token_embed.pth"
    entries = {i: zipfile.ZipFile(packed).read(i) for i in zipfile.ZipFile(packed).namelist()}
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)

    def header(name, change, extra=b""):
        path = make.case(name) / "rec_module/model.safetensors"
        data = path.read_bytes()
        count = struct.unpack("<Q", data[:8])[0]
        text = json.dumps(change(json.loads(data[8:8 + count]), len(data) - 8 - count)).encode()
        text += b" " * (-len(text) % 8)
        path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + count:] + extra)

    header("metadata-null", lambda h, n: h | {"__metadata__": None})
    header("metadata-number", lambda h, n: h | {"__metadata__": {"step": 3}})
    for kind, shape, size in (("C64", [2], 16), ("F8_E8M0", [4], 4), ("F4", [8], 4), ("F6_E2M3", [4], 3)):
        header("unused-" + kind, lambda h, n: h | {"unused": {"dtype": kind, "shape": shape, "data_offsets": [n, n + size]}},
               b"\0" * size)
    (make.case("llm-pointer", "Git LFS pointer") / "llm/model.safetensors").write_text(POINTER)
    (make.case("llm-web-page", "a web page") / "llm/model.safetensors").write_text("<!DOCTYPE html><html>Sign in</html>")
    bundle = make.case("llm-other-name", "model.fp16.safetensors")
    (bundle / "llm/model.safetensors").rename(bundle / "llm/model.fp16.safetensors")


def make_adapters(make):
    weights = load_file(make.base / "bundle/llm/model.safetensors")
    changed = {name: value for name, value in weights.items() if ("q_proj" in name or "down_proj" in name)}
    generator = torch.Generator().manual_seed(5)
    rank = 4
    pairs = {name: (0.3 * torch.randn(rank, value.shape[1], generator=generator),
                    0.3 * torch.randn(value.shape[0], rank, generator=generator)) for name, value in changed.items()}
    settings = {"peft_type": "LORA", "r": rank, "lora_alpha": 8, "target_modules": ["q_proj", "down_proj"], "bias": "none",
                "fan_in_fan_out": False, "lora_dropout": 0.05, "use_rslora": False, "modules_to_save": None}

    def adapter(name, scale, more=None, refused=None, published=False):
        bundle = make.case(name, refused)
        (bundle / "llm_parameter").mkdir(exist_ok=True)
        tensors = {}
        for weight, (a, b) in pairs.items():
            for side, value in (("A", a), ("B", b)):
                before = ("llm." if published else "base_model.model.") + weight.removesuffix(".weight")
                tensors[f"{before}.lora_{side}" + (".default" if published else "") + ".weight"] = value
        if published:
            torch.save(tensors, bundle / "llm_parameter/adapter.pth")
            (bundle / "config.json").write_text(json.dumps({"train_cfg": {"lora_r": rank, "lora_alpha": 8}}))
        else:
            save_file(tensors, bundle / "llm_parameter/adapter_model.safetensors")
            (bundle / "llm_parameter/adapter_config.json").write_text(json.dumps(settings | (more or {})))
        if refused is None:
            other = make.out.parent / "references" / name
            shutil.copytree(make.base / "bundle", other)
            merged = weights | {k: weights[k] + scale(k) * (b @ a) for k, (a, b) in pairs.items()}
            save_file(merged, other / "llm/model.safetensors", {"format": "pt"})
            make.answer(bundle, other)

    adapter("lora", lambda name: 2.0)
    adapter("lora-published", lambda name: 2.0, published=True)
    adapter("lora-root-of-rank", lambda name: 4.0, {"use_rslora": True})
    adapter("lora-alpha-pattern", lambda name: 4.0 if "q_proj" in name else 2.0, {"alpha_pattern": {"q_proj": 16}})
    adapter("lora-dora", None, {"use_dora": True}, refused="use_dora")
    adapter("lora-pissa", None, {"init_lora_weights": "pissa"}, refused="pissa")
    adapter("lora-other-rank", None, {"r": 16}, refused="rank 16")


def make_data(out):
    rng = random.Random(3)
    items = [{"item_id": f"B{i:03d}", "title": f"Thing {i}", "brand": "Acme"} for i in range(12)]
    events = [(f"u{u}", f"B{i:03d}", 1500000000 + 1000 * t + u) for u in range(8) for t, i in enumerate(rng.sample(range(12), 5))]

    def lines(records):
        return "".join(json.dumps(record) + "\n" for record in records).encode()

    def table(rows):
        return ("user_id,item_id,timestamp\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)).encode()

    def case(name, verdict, items_file, interactions, items_name="items.jsonl"):
        directory = out / name
        directory.mkdir(parents=True)
        (directory / items_name).write_bytes(items_file)
        (directory / "interactions.csv").write_bytes(interactions)
        (directory / "case.json").write_text(json.dumps(verdict))

    mark, plain, rows = b"\xef\xbb\xbf", {"equals": "base"}, table(events)
    case("base", plain, lines(items), rows)
    case("byte-order-marks", plain, mark + lines(items), mark + rows)
    case("not-a-number", plain, lines([i | {"price": float("nan"), "category": [float("inf")]} for i in items]), rows)
    case("windows-line-ends", plain, lines(items).replace(b"\n", b"\r\n"), rows.replace(b"\n", b"\r\n"))
    case("spaces-around-titles", plain, lines([i | {"title": f" {i['title']} "} for i in items]), rows)
    numbers = [i | {"item_id": n} for n, i in enumerate(items)]
    number = [(u, int(i[1:]), t) for u, i, t in events]
    case("numbers", {"equals": "numbers"}, lines(numbers), table(number))
    case("floats-in-interactions", {"equals": "numbers"}, lines(numbers), table([(u, f"{i}.0", t) for u, i, t in number]))
    case("floats-in-items", {"equals": "numbers"}, lines([i | {"item_id": float(i["item_id"])} for i in numbers]), table(number))
    case("latin-1-table", {"refused": "items.csv:2: field 2 is no UTF-8"},
         "item_id,title\nB000,Caf\u00e9\n".encode("latin-1"), rows, "items.csv")
    case("latin-1-lines", {"refused": "UTF-8"},
         b"".join(b'{"item_id": "B%03d", "title": "Caf\xe9"}\n' % i for i in range(12)), rows)
    case("utf-16", {"refused": "UTF-16"}, lines(items), rows.decode().encode("utf-16"))
    case("no-item-met", {"refused": 'with "B'}, lines([i | {"item_id": "x" + i["item_id"]} for i in items]), rows)
    case("pointer", {"refused": "Git LFS pointer"}, POINTER.encode(), rows)
    case("parquet", {"refused": "Parquet"}, lines(items), b"PAR1....PAR1")


def main():
    out = pathlib.Path(sys.argv[1])
    (out / "references").mkdir(parents=True)
    make = Checkpoints(out / "checkpoints")
    make_configurations(make)
    make_files(make)
    make_adapters(make)
    make_data(out / "data")
    shutil.rmtree(out / "references")
    count = len(list((out / "checkpoints").iterdir())), len(list((out / "data").iterdir()))
    print(f"Wrote {out}: {count[0]} checkpoints, {count[1]} sources of data")


if __name__ == "__main__":
    main()
