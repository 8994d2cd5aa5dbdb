#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a golden for vision towers: a random tower of a family, images, and what Hugging Face transformers answers for them.

    python3 -m venv .venv-towers
    .venv-towers/bin/pip install torch "transformers>=5" safetensors pillow
    .venv-towers/bin/python scripts/make-tower-golden.py OUT --family clip
    ILLMREC_TOWER_GOLDENS=OUT swift test --filter TowerGoldenTests

`make check-towers` does all of it for every family. OUT/tower is the checkpoint, a directory as Hugging Face has it; OUT/images
holds images of several shapes; OUT/expected.json the pixels that the family's processor prepares (their mean and a few of them),
and the embeddings, computed in float32 on the CPU. With --checkpoint DIR no tower is made: DIR, such as a download of
openai/clip-vit-base-patch32, is linked into OUT and asked instead.
"""
import argparse
import json
import os
import pathlib

import torch
import transformers
from PIL import Image

FAMILIES = (
    "siglip", "siglip2", "clip", "clip-projection", "clip-model", "clip-exact-gelu", "dinov2", "dinov2-interpolated", "dinov2-classifier",
    "dinov2-registers", "dinov2-registers-interpolated", "vit", "vit-classifier",
)
SHAPE = {"hidden_size": 96, "num_hidden_layers": 4, "num_attention_heads": 3}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--family", choices=FAMILIES, required=True)
    parser.add_argument("--checkpoint", help="an existing tower instead of a random one")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def randomise(model):
    """Weights of a size at which nothing dies away and attention has something to choose, and scales and norms that are not one."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            if "layer_scale" in name:
                parameter.copy_(0.3 + 0.1 * noise)
            elif parameter.dim() >= 2 and "embed" not in name and "token" not in name:
                parameter.copy_(1.2 * noise / parameter.shape[-1] ** 0.5)
            elif "norm" in name and name.endswith("weight"):
                parameter.copy_(1 + 0.2 * noise)
            else:
                parameter.copy_(0.2 * noise)
    return model.eval()


def make_model(family):
    wide = SHAPE | {"intermediate_size": 200}
    text = SHAPE | {"intermediate_size": 200, "vocab_size": 64, "bos_token_id": 1, "eos_token_id": 2}
    t = transformers
    if family == "siglip":
        return t.SiglipVisionModel(t.SiglipVisionConfig(**wide, image_size=64, patch_size=14))
    if family == "siglip2":
        # Fixed resolution: the configuration and code are SigLIP's, with both towers.
        vision = wide | {"image_size": 64, "patch_size": 16}
        return t.SiglipModel(t.SiglipConfig(text_config=text | {"projection_size": 96}, vision_config=vision))
    if family == "clip":
        return t.CLIPVisionModel(t.CLIPVisionConfig(**wide, image_size=64, patch_size=16))
    if family == "clip-projection":
        return t.CLIPVisionModelWithProjection(t.CLIPVisionConfig(**wide, image_size=64, patch_size=16, projection_dim=40))
    if family == "clip-model":
        vision = wide | {"image_size": 60, "patch_size": 14}
        return t.CLIPModel(t.CLIPConfig(text_config=text, vision_config=vision, projection_dim=64))
    if family == "clip-exact-gelu":
        return t.CLIPVisionModel(t.CLIPVisionConfig(**wide, image_size=64, patch_size=16, hidden_act="gelu"))
    trained = 98 if family.endswith("interpolated") else 56
    if family.startswith("dinov2-registers"):
        return t.Dinov2WithRegistersModel(
            t.Dinov2WithRegistersConfig(**SHAPE, mlp_ratio=2, image_size=trained, patch_size=14, num_register_tokens=4))
    if family.startswith("dinov2"):
        config = t.Dinov2Config(**SHAPE, mlp_ratio=2, image_size=trained, patch_size=14)
        return t.Dinov2ForImageClassification(config) if family == "dinov2-classifier" else t.Dinov2Model(config)
    config = t.ViTConfig(**wide, image_size=64, patch_size=16)
    return t.ViTForImageClassification(config) if family == "vit-classifier" else t.ViTModel(config)


def make_processor(family):
    t = transformers
    if family.startswith("siglip"):
        return t.SiglipImageProcessor(size={"height": 64, "width": 64})
    if family.startswith("clip"):
        side = 60 if family == "clip-model" else 64
        return t.CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    if family.startswith("dinov2"):
        mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
        return t.BitImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 56, "width": 56}, image_mean=mean, image_std=std)
    return t.ViTImageProcessor(size={"height": 64, "width": 64})


def picture(width, height, generator):
    """Colours that run into each other, with noise on them."""
    coarse = torch.randint(0, 256, (5, 5, 3), generator=generator, dtype=torch.uint8).numpy()
    fine = torch.randint(0, 256, (height, width, 3), generator=generator, dtype=torch.uint8).numpy()
    return Image.blend(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), Image.fromarray(fine), 0.2)


def make_images(folder, generator):
    folder.mkdir()
    for index, (width, height) in enumerate([(64, 64), (200, 130), (77, 300), (56, 57), (333, 90)]):
        picture(width, height, generator).save(folder / f"{index}.png")


def embedding(model, pixels):
    """The image feature, as docs/models.md says for each family."""
    vision = getattr(model, "vision_model", None)
    if hasattr(model, "visual_projection"):
        pooled = vision(pixel_values=pixels).pooler_output
        return model.visual_projection(pooled)
    base = vision if vision is not None else getattr(model, "vit", None) or getattr(model, "dinov2", None) or model
    output = base(pixel_values=pixels)
    pooled = getattr(output, "pooler_output", None)
    return pooled if pooled is not None else output.last_hidden_state[:, 0]


def load(path):
    config = transformers.AutoConfig.from_pretrained(path)
    names = [name for name in config.architectures or [] if hasattr(transformers, name)]
    return (getattr(transformers, names[0]) if names else transformers.AutoModel).from_pretrained(path)


def main():
    options = arguments()
    torch.manual_seed(options.seed)
    out = options.out
    out.mkdir(parents=True)
    tower = out / "tower"
    if options.checkpoint:
        os.symlink(os.path.abspath(options.checkpoint), tower)
        model, processor = load(tower).eval(), transformers.AutoImageProcessor.from_pretrained(tower)
    else:
        model, processor = randomise(make_model(options.family)), make_processor(options.family)
        model.save_pretrained(tower)
        processor.save_pretrained(tower)
    make_images(out / "images", torch.Generator().manual_seed(options.seed))
    images = []
    for file in sorted((out / "images").iterdir()):
        pixels = processor(images=Image.open(file).convert("RGB"), return_tensors="pt")["pixel_values"]
        with torch.no_grad():
            vector = embedding(model, pixels)[0]
        first = pixels[0, :, 0, :8].flatten()
        images.append({"file": file.name, "pixels": first.tolist(), "mean": pixels.double().mean().item(), "embedding": vector.tolist()})
    made_by = f"transformers {transformers.__version__}, torch {torch.__version__}"
    (out / "expected.json").write_text(json.dumps({"family": options.family, "made_by": made_by, "images": images}))


main()
