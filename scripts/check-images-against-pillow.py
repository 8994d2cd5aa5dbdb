#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares image decoding and resizing with Pillow, pixel by pixel.

    python3 -m venv .venv-images && .venv-images/bin/pip install "pillow>=13"
    .venv-images/bin/python scripts/check-images-against-pillow.py [FILE_OR_FOLDER ...]

Beside the files named, it makes files of every kind: PNG, WebP, JPEG, GIF, BMP and TIFF. Exits 1 when a file that both
read differs: after decoding in any sample, after resizing by more than 1 of 255 or in more than 0.1 % of the samples.
Files that only one of the two reads are listed with what each says; they fail only if Pillow reads them and the reason
is none of the known limits (12-bit and lossless JPEG, TIFF in LAB or in YCbCr without compression, more than 100 megapixels). Pillow before 13 always resized
horizontally first, which gives other pixels for tall images.

Then it damages progressive JPEG files by a seed, and compares in the same way. Of these, Pillow must not refuse one that
illmrec reads, unless already its own walk over the markers does, for the file's metadata, which libjpeg-turbo never sees.
"""

import argparse
import hashlib
import io
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import warnings
import zlib

import damaged_jpegs
import image_files
from PIL import Image, features

ROOT = pathlib.Path(__file__).resolve().parent.parent
SUFFIXES = {".jpg", ".jpeg", ".mpo", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
KNOWN_LIMITS = {"IMAGE_FORMAT_UNSUPPORTED", "IMAGE_TOO_MANY_PIXELS", "IMAGE_TOO_LARGE"}
KERNELS = {1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}


def picture(width, height, mode="RGB", seed=0):
    """Smooth colour with noise on it, so that every code path sees varied samples."""
    rng = random.Random(seed)
    noise = Image.frombytes("RGBA", (width, height), rng.randbytes(4 * width * height))
    ramp = Image.linear_gradient("L").resize((width, height))
    smooth = Image.merge("RGBA", (ramp, ramp.transpose(0), ramp.rotate(180), ramp.transpose(1)))
    image = Image.blend(smooth, noise, 0.3)
    return image if mode == "RGBA" else image.convert(mode)


def png(width, height, bit_depth, color_type, rows, extra=b"", interlace=0):
    """A PNG from raw rows, for the kinds that Pillow does not write."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, bit_depth, color_type, 0, 0, interlace)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def adam7(width, height, bits_per_pixel, rng):
    """Random rows of the seven passes."""
    rows = []
    for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        columns = (width - x0 + dx - 1) // dx
        if columns > 0:
            rows += [rng.randbytes((columns * bits_per_pixel + 7) // 8) for _ in range(y0, height, dy)]
    return rows


def make_files(folder):
    """Every kind of file, in sizes that leave remainders everywhere."""
    rng = random.Random(7)
    sizes = [(1, 1), (3, 200), (61, 47), (384, 384), (500, 333), (1000, 17)]
    for width, height in sizes:
        name = f"{width}x{height}"
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
            image = picture(width, height, "L").convert("I").point(lambda v: v * 257) if mode == "I;16" else picture(width, height, mode)
            if mode == "I;16":
                image = image.convert("I;16")
            image.save(folder / f"{name}-{mode.replace(';', '')}.png")
        picture(width, height, "P").save(folder / f"{name}-P-index.png", transparency=3)
        picture(width, height, "P").save(folder / f"{name}-P-table.png", transparency=bytes(range(200)))
        picture(width, height, "RGB").save(folder / f"{name}-RGB-trns.png", transparency=(9, 9, 9))
        for color_type, depths, channels in ((0, (1, 2, 4, 8, 16), 1), (2, (8, 16), 3), (3, (1, 2, 4, 8), 1), (4, (8, 16), 2), (6, (8, 16), 4)):
            for depth in depths:
                bits = depth * channels
                # Fewer entries than 8-bit indices reach: the rest is black.
                palette = struct.pack(">I", 3 * min(1 << depth, 200)) + b"PLTE" + rng.randbytes(3 * min(1 << depth, 200)) if color_type == 3 else b""
                palette += struct.pack(">I", zlib.crc32(palette[4:])) if palette else b""
                rows = [rng.randbytes((width * bits + 7) // 8) for _ in range(height)]
                (folder / f"{name}-type{color_type}-{depth}.png").write_bytes(png(width, height, depth, color_type, rows, palette))
                passes = adam7(width, height, bits, rng)
                (folder / f"{name}-type{color_type}-{depth}-adam7.png").write_bytes(png(width, height, depth, color_type, passes, palette, interlace=1))
        for options in ({}, {"lossless": True}, {"quality": 20}, {"lossless": True, "exact": True}):
            label = "-".join(f"{k}{v}" for k, v in options.items())
            for mode in ("RGB", "RGBA"):
                picture(width, height, mode).save(folder / f"{name}-{mode}-{label}.webp", **options)
        frames = [picture(width, height, "RGBA", seed) for seed in range(3)]
        frames[0].save(folder / f"{name}-animated.webp", save_all=True, append_images=frames[1:], duration=50)
        frames[0].save(folder / f"{name}-animated.png", save_all=True, append_images=frames[1:], duration=50)
        for mode in ("L", "RGB", "CMYK"):
            for options in ({}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 1}, {"quality": 15}, {"restart_marker_rows": 1}):
                label = "-".join(f"{k}{v}" for k, v in options.items())
                picture(width, height, "RGB").convert(mode).save(folder / f"{name}-{mode}-{label}.jpg", **options)


    image_files.make_files(folder, picture)


def find_files(paths):
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
        else:
            yield path


def pillow_pixels(path, size, kernel):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Of a path, Pillow 13.0.0 maps the pixels of an uncompressed gray TIFF in rows of the turned image's width.
            with Image.open(io.BytesIO(pathlib.Path(path).read_bytes())) as file:
                image = file.convert("RGB")
                turned = image_files.seen(file).convert("RGB")
        except Exception as error:
            return None, None, None, f"{type(error).__name__}: {error}"
        return image, turned, image.resize((size, size), Image.Resampling(kernel)).tobytes(), None


def probe(binary, files, size, kernel, folder):
    paths = "".join(f"{file}\n" for file in files)
    done = subprocess.run([binary, str(size), str(kernel), folder], input=paths, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{binary} failed: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(binary, files, size, kernel, strict=False):
    counts = {"same": 0, "decoded differently": 0, "resized differently": 0, "only Pillow": 0, "only illmrec": 0, "neither": 0}
    failures, samples, unequal, slowest = 0, 0, 0, (0.0, "")
    with tempfile.TemporaryDirectory() as folder:
        for index, line in enumerate(probe(binary, files, size, kernel, folder)):
            file = line["file"]
            slowest = max(slowest, (line["milliseconds"], file))
            image, turned, expected, refusal = pillow_pixels(file, size, kernel)
            if image is None or "error" in line:
                kind = "neither" if image is None and "error" in line else "only illmrec" if image is None else "only Pillow"
                counts[kind] += 1
                failures += kind == "only Pillow" and line["error"] not in KNOWN_LIMITS
                failures += kind == "only illmrec" and strict and not refusal.startswith("UnidentifiedImageError")
                if kind != "neither":
                    print(f"  {kind} reads {file}\n    {refusal or line['error'] + ': ' + line.get('message', '')}")
                continue
            same = (line["width"], line["height"]) == image.size and line["sha256"] == hashlib.sha256(image.tobytes()).hexdigest()
            same = same and line["turnedSHA256"] == hashlib.sha256(turned.tobytes()).hexdigest()
            got = (pathlib.Path(folder) / f"{index}.rgb").read_bytes()
            off = [abs(a - b) for a, b in zip(got, expected) if a != b] if got != expected else []
            samples += len(expected)
            unequal += len(off)
            resized = len(got) == len(expected) and (not off or (max(off) <= 1 and len(off) <= len(expected) / 1000))
            counts["same" if same and resized else "resized differently" if same else "decoded differently"] += 1
            if not (same and resized):
                failures += 1
                print(f"  DIFFERS: {file} decoded {'equal' if same else 'DIFFERENT'}, resized: {len(off)} samples, at most {max(off, default=0)} apart")
    print(f"{KERNELS[kernel]} to {size} x {size}: " + ", ".join(f"{n} {kind}" for kind, n in counts.items() if n))
    print(f"  {unequal} of {samples} resized samples unequal; slowest file {slowest[0]:.0f} ms ({slowest[1]})")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=pathlib.Path, help="more files, or folders of them")
    parser.add_argument("--damaged", type=int, default=2000, metavar="N", help="damaged progressive JPEG files, 2000 unless given")
    parser.add_argument("--seed", type=int, default=1, help="what they are damaged by")
    parser.add_argument("--probe", help="the built ImageProbe (built in release mode unless given)")
    arguments = parser.parse_args()
    binary = arguments.probe
    if binary is None:
        subprocess.run(["swift", "build", "-c", "release", "--product", "ImageProbe"], cwd=ROOT, check=True)
        binary = str(ROOT / ".build/release/ImageProbe")
    print("Pillow", Image.__version__, "with", ", ".join(f"{n} {features.version(n)}" for n in ("libjpeg_turbo", "zlib", "webp")))
    with tempfile.TemporaryDirectory() as folder:
        make_files(pathlib.Path(folder))
        made = list(find_files([pathlib.Path(folder)]))
        failures = compare(binary, made + list(find_files(arguments.paths)), 384, 3)
        for kernel in KERNELS:
            failures += compare(binary, made[::5], 70, kernel)
    with tempfile.TemporaryDirectory() as folder:
        damaged_jpegs.make(pathlib.Path(folder), arguments.damaged, arguments.seed, picture)
        print(f"{arguments.damaged} damaged progressive files of seed {arguments.seed}:")
        failures += compare(binary, list(find_files([pathlib.Path(folder)])), 70, 3, strict=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
