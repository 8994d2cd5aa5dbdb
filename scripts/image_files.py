# SPDX-License-Identifier: Apache-2.0
"""Makes GIF, BMP and TIFF files of the kinds that writers leave behind, for scripts/check-images-against-pillow.py."""

import random
import struct
import zlib

from PIL import Image, ImageOps

SIZES = [(1, 1), (3, 200), (61, 47), (300, 113)]


# GIF


def lzw(indices, pixel_bits):
    """GIF's codes for the indices, in blocks of at most 255 bytes."""
    clear, bits, held, out = 1 << pixel_bits, pixel_bits + 1, 0, bytearray()
    filled, strings = 0, {}

    def emit(code):
        nonlocal held, filled
        held |= code << filled
        filled += bits
        while filled >= 8:
            out.append(held & 255)
            held >>= 8
            filled -= 8

    def restart():
        nonlocal strings, bits
        emit(clear)
        strings = {(i,): i for i in range(clear)}
        bits = pixel_bits + 1

    restart()
    string = ()
    for index in indices:
        if string + (index,) in strings:
            string += (index,)
            continue
        emit(strings[string])
        if len(strings) + 2 < 4096:
            strings[string + (index,)] = len(strings) + 2
            if len(strings) + 1 == 1 << bits and bits < 12:
                bits += 1
        elif len(string) % 3 == 0:
            restart()
        string = (index,)
    emit(strings[string])
    emit(clear + 1)
    emit(0)
    blocks = b"".join(bytes([len(out[i : i + 255])]) + bytes(out[i : i + 255]) for i in range(0, len(out), 255))
    return bytes([pixel_bits]) + blocks + b"\0"


def gif(screen, frame, pixel_bits, rng, palette=None, local=None, transparent=None, interlaced=False, trailer=b";", before=b""):
    """One frame (left, top, width, height) of random indices on a screen (width, height)."""
    left, top, width, height = frame
    flags = (0x80 | pixel_bits - 1) if palette else 0
    data = b"GIF89a" + struct.pack("<HHBBB", *screen, flags, 0, 0) + (palette or b"") + before
    if transparent is not None:
        data += b"!\xf9\x04\x01\x05\x00" + bytes([transparent]) + b"\0"
    data += b"," + struct.pack("<HHHHB", left, top, width, height, ((0x80 | pixel_bits - 1) if local else 0) | (0x40 if interlaced else 0))
    runs = [rng.randrange(1 << pixel_bits) for _ in range(max(1, width * height // 3))]
    indices = [runs[i // 3 % len(runs)] if rng.random() < 0.8 else rng.randrange(1 << pixel_bits) for i in range(width * height)]
    return data + (local or b"") + lzw(indices, max(2, pixel_bits)) + trailer


def gif_files(folder, picture):
    rng = random.Random(3)
    for width, height in SIZES:
        name = f"{width}x{height}"
        for mode in ("1", "L", "P", "RGB", "RGBA"):
            for interlace in (0, 1):
                picture(width, height, mode).save(folder / f"{name}-{mode}-{interlace}.gif", interlace=interlace)
        frames = [picture(width, height, "RGB", seed) for seed in range(3)]
        frames[0].save(folder / f"{name}-animated.gif", save_all=True, append_images=frames[1:], duration=50)
        for bits in (1, 2, 5, 8):
            palette, local = (rng.randbytes(3 << bits) for _ in range(2))
            gray = bytes(i for i in range(1 << bits) for _ in range(3))
            for interlaced in (False, True):
                label = f"{name}-{bits}-{int(interlaced)}"
                kinds = {
                    "global": dict(palette=palette),
                    "local": dict(palette=palette, local=local),
                    "local-gray": dict(palette=palette, local=gray),
                    "gray": dict(palette=gray, transparent=1),
                    "no-palette": {},
                    "transparent": dict(palette=palette, transparent=1),
                    "no-trailer": dict(palette=palette, trailer=b""),
                    "comment": dict(palette=palette, before=b"!\xfe\x03abc\x02de\0"),
                }
                for kind, options in kinds.items():
                    whole = (0, 0, width, height)
                    (folder / f"{label}-{kind}.gif").write_bytes(gif((width, height), whole, bits, rng, interlaced=interlaced, **options))
                    part = (width // 3, height // 4, max(1, width // 2), max(1, height // 2))
                    (folder / f"{label}-{kind}-part.gif").write_bytes(gif((width, height), part, bits, rng, interlaced=interlaced, **options))
                    beyond = (width // 2, height // 2, width, height)
                    (folder / f"{label}-{kind}-beyond.gif").write_bytes(gif((width, height), beyond, bits, rng, interlaced=interlaced, **options))
        whole = gif((width, height), (0, 0, width, height), 8, rng, palette=rng.randbytes(768))
        for cut in (1, 2, 10, len(whole) // 2):
            (folder / f"{name}-cut{cut}.gif").write_bytes(whole[:-cut])


# BMP


def bmp(width, height, bits, rows, header=40, compression=0, palette=b"", masks=(), colors=0, from_top=False, offset=None):
    """A bitmap of stored rows (or of run lengths)."""
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, width, -height if from_top else height, 1, bits, compression, len(rows), 0, 0, colors, 0)
        inside = struct.pack(f"<{len(masks)}I", *masks) if header > 40 else b""
        info += inside + bytes(header - 40 - len(inside))
        info += struct.pack(f"<{len(masks)}I", *masks) if header == 40 else b""
    at = 14 + len(info) + len(palette) if offset is None else offset
    return b"BM" + struct.pack("<IHHI", at + len(rows), 0, 0, at) + info + palette + rows


def bmp_rows(width, height, bits, rng):
    return rng.randbytes((width * bits + 31) // 32 * 4 * height)


def run_lengths(width, height, bits, rng, skips=False):
    """Random runs, literals and skips that fill the image exactly."""
    out, at = bytearray(), 0
    while at < width * height:
        room = width - at % width
        kind = rng.random()
        if skips and kind < 0.1 and at + room + width < width * height:
            # Within the row, or to the row above.
            out += bytes([0, 2, min(room - 1, 255), 1])
            at += min(room - 1, 255) + width
        elif skips and kind < 0.2:
            out += b"\0\0"
            at += room if at % width else 0
        elif kind < 0.5 and room >= 3:
            count = min(rng.randrange(3, 40), room)
            size = count if bits == 8 else (count + 1) // 2
            out += bytes([0, count]) + rng.randbytes(size) + bytes(size % 2)
            at += count
        else:
            count = min(rng.randrange(1, 60), room)
            out += bytes([count, rng.randrange(256)])
            at += count
        if at % width == 0:
            out += b"\0\0"
    return bytes(out) + b"\0\1"


MASKS = {
    32: [(0xFF0000, 0xFF00, 0xFF, 0), (0xFF000000, 0xFF0000, 0xFF00, 0), (0xFF000000, 0xFF00, 0xFF, 0), (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
         (0xFF, 0xFF00, 0xFF0000, 0xFF000000), (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF000000, 0xFF00, 0xFF, 0xFF0000), (0, 0, 0, 0), (0xF, 0xF0, 0xF00, 0)],
    24: [(0xFF0000, 0xFF00, 0xFF, 0)],
    16: [(0xF800, 0x7E0, 0x1F, 0), (0x7C00, 0x3E0, 0x1F, 0), (0xF00, 0xF0, 0xF, 0)],
}


def bmp_files(folder, picture):
    rng = random.Random(4)
    for width, height in SIZES:
        name = f"{width}x{height}"
        for mode in ("1", "L", "P", "RGB", "RGBA"):
            picture(width, height, mode).save(folder / f"{name}-{mode}.bmp")
        for header in (12, 40, 52, 56, 64, 108, 124):
            entry = 3 if header == 12 else 4
            for bits in (1, 4, 8, 16, 24, 32):
                palette = rng.randbytes(entry << bits) if bits <= 8 else b""
                rows = bmp_rows(width, height, bits, rng)
                (folder / f"{name}-{header}-{bits}.bmp").write_bytes(bmp(width, height, bits, rows, header, palette=palette))
                if header > 12:
                    (folder / f"{name}-{header}-{bits}-top.bmp").write_bytes(bmp(width, height, bits, rows, header, palette=palette, from_top=True))
                (folder / f"{name}-{header}-{bits}-offset.bmp").write_bytes(bmp(width, height, bits, rows, header, palette=palette, offset=14 + header))
            if header in (40, 56, 108, 124):
                for bits, layouts in MASKS.items():
                    for index, masks in enumerate(layouts):
                        rows = bmp_rows(width, height, bits, rng)
                        masks = masks[:3] if header == 40 else masks
                        (folder / f"{name}-{header}-{bits}-masks{index}.bmp").write_bytes(bmp(width, height, bits, rows, header, 3, masks=masks))
        for bits, compression in ((8, 1), (4, 2)):
            for skips in (False, True):
                palette = rng.randbytes(4 << bits)
                for from_top in (False, True):
                    runs = run_lengths(width, height, bits, rng, skips)
                    (folder / f"{name}-runs{bits}-{int(skips)}-{int(from_top)}.bmp").write_bytes(bmp(width, height, bits, runs, 40, compression, palette, from_top=from_top))
        gray = b"".join(bytes([i, i, i, 0]) for i in range(100))
        (folder / f"{name}-gray100.bmp").write_bytes(bmp(width, height, 8, bmp_rows(width, height, 8, rng), palette=gray, colors=100))
        few = rng.randbytes(4 * 20)
        (folder / f"{name}-few.bmp").write_bytes(bmp(width, height, 8, bmp_rows(width, height, 8, rng), palette=few, colors=20))
        whole = bmp(width, height, 24, bmp_rows(width, height, 24, rng))
        for cut in (1, 2, 4, len(whole) // 2):
            (folder / f"{name}-cut{cut}.bmp").write_bytes(whole[:-cut])


# TIFF


def tiff(width, height, tags, blocks, big_endian=False, offsets=64):
    """A TIFF, or a BigTIFF with offsets of 64 bits, of one directory; `blocks` are its strips or tiles."""
    order, wide = (">" if big_endian else "<"), offsets == 64 and tags.pop("big", False)
    tags = {256: (4, [width]), 257: (4, [height])} | tags
    position = {273: 322 not in tags, 324: 322 in tags}
    at, starts, body = (16 if wide else 8), [], b""
    for block in blocks:
        starts.append(at + len(body))
        body += block + bytes(len(block) % 2)
    for tag, is_used in position.items():
        if is_used:
            tags[tag] = (4, starts)
            tags[tag + 1 if tag == 324 else 279] = (4, [len(block) for block in blocks])
    formats = {1: "B", 3: "H", 4: "I"}
    directory_at = at + len(body)
    entry_bytes, inline = (20, 8) if wide else (12, 4)
    extra_at = directory_at + (16 if wide else 6) + entry_bytes * len(tags)
    entries, extra = b"", b""
    for tag in sorted(tags):
        kind, values = tags[tag]
        data = struct.pack(f"{order}{len(values)}{formats[kind]}", *values)
        entries += struct.pack(f"{order}HH{'Q' if wide else 'I'}", tag, kind, len(values))
        if len(data) <= inline:
            entries += data + bytes(inline - len(data))
        else:
            entries += struct.pack(f"{order}{'Q' if wide else 'I'}", extra_at + len(extra))
            extra += data + bytes(len(data) % 2)
    mark = b"MM" if big_endian else b"II"
    if wide:
        head = mark + struct.pack(f"{order}HHHQ", 43, 8, 0, directory_at)
        return head + body + struct.pack(f"{order}Q", len(tags)) + entries + bytes(8) + extra
    return mark + struct.pack(f"{order}HI", 42, directory_at) + body + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + extra


def tiff_kinds():
    """Photometric interpretation, bits, samples, further tags."""
    for bits in (1, 2, 4, 8, 12, 16, 32):
        for photometric in (0, 1):
            yield f"gray{photometric}-{bits}", photometric, bits, 1, {}
    for bits in (8, 16, 32):
        yield f"signed-{bits}", 1, bits, 1, {339: (3, [2])}
    yield "float0", 0, 32, 1, {339: (3, [3])}
    yield "float1", 1, 32, 1, {339: (3, [3])}
    for extra in (0, 1, 2):
        yield f"gray-alpha{extra}", 1, 8, 2, {338: (3, [extra])}
        for bits in (8, 16):
            yield f"rgb-alpha{extra}-{bits}", 2, bits, 4, {338: (3, [extra])}
        yield f"rgb-alpha{extra}-more", 2, 8, 6, {338: (3, [extra, 0, 0])}
    for bits in (8, 16):
        yield f"rgb-{bits}", 2, bits, 3, {}
        yield f"rgb4-{bits}", 2, bits, 4, {}
        yield f"cmyk-{bits}", 5, bits, 4, {}
    yield "cmyk-more", 5, 8, 5, {338: (3, [0])}
    for bits in (1, 2, 4, 8):
        yield f"palette-{bits}", 3, bits, 1, {320: (3, [random.Random(bits).randrange(65536) for _ in range(3 << bits)])}
    for bits in (1, 4, 8):
        yield f"fill2-{bits}", 1, bits, 1, {266: (3, [2])}
    yield "lab", 8, 8, 3, {}
    yield "ycbcr", 6, 8, 3, {530: (3, [1, 1])}


def row_bytes(columns, bits, samples):
    return (columns * bits * samples + 7) // 8


def compressions(mode):
    """Those of libtiff that write the mode."""
    yield from (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma")
    if mode == "1":
        yield from ("group3", "group4", "tiff_ccitt")
    if mode in ("L", "RGB", "CMYK", "YCbCr"):
        yield "jpeg"


def tiff_files(folder, picture):
    rng = random.Random(5)
    for width, height in SIZES:
        name = f"{width}x{height}"
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "I;16", "I", "F"):
            image = picture(width, height, "L").convert("I").convert("I;16") if mode == "I;16" else picture(width, height, "RGB").convert("L" if mode in "IF" else mode).convert(mode)
            for compression in compressions(mode):
                image.save(folder / f"{name}-{mode.replace(';', '')}-{compression}.tif", compression=compression)
        for orientation in range(1, 9):
            exif = Image.Exif()
            exif[274] = orientation
            for mode in ("L", "RGB"):
                picture(width, height, mode).save(folder / f"{name}-{mode}-orientation{orientation}.tif", exif=exif, compression="tiff_lzw" if orientation % 2 else None)
        for kind, photometric, bits, samples, more in tiff_kinds():
            for deflated in (False, True):
                for big_endian in (False, True):
                    # Of these, Pillow exchanges the bytes that libtiff has exchanged.
                    if deflated and big_endian and (339 in more and bits > 8):
                        continue
                    label = f"{name}-{kind}-{'deflate' if deflated else 'raw'}-{'MM' if big_endian else 'II'}"
                    tags = {258: (3, [bits] * samples), 259: (3, [8 if deflated else 1]), 262: (3, [photometric]), 277: (3, [samples])} | more
                    pack = zlib.compress if deflated else bytes
                    rows_each = max(1, height // 3)
                    lengths = [min(rows_each, height - y) for y in range(0, height, rows_each)]
                    strips = [pack(rng.randbytes(row_bytes(width, bits, samples) * rows)) for rows in lengths]
                    (folder / f"{label}-strips.tif").write_bytes(tiff(width, height, tags | {278: (4, [rows_each])}, strips, big_endian))
                    (folder / f"{label}-big.tif").write_bytes(tiff(width, height, tags | {278: (4, [rows_each]), "big": True}, strips, big_endian))
                    (folder / f"{label}-turned.tif").write_bytes(tiff(width, height, tags | {278: (4, [rows_each]), 274: (3, [6])}, strips, big_endian))
                    across, down = (width + 31) // 32, (height + 15) // 16
                    tiles = [pack(rng.randbytes(row_bytes(32, bits, samples) * 16)) for _ in range(across * down)]
                    (folder / f"{label}-tiles.tif").write_bytes(tiff(width, height, tags | {322: (4, [32]), 323: (4, [16])}, tiles, big_endian))
                    # Pillow takes the fourth of four planes for another kind of alpha than the fourth sample, when no tag says.
                    if samples > 1 and deflated and not kind.startswith("rgb4"):
                        planes = [pack(rng.randbytes(row_bytes(width, bits, 1) * rows)) for _ in range(samples) for rows in lengths]
                        (folder / f"{label}-planes.tif").write_bytes(tiff(width, height, tags | {278: (4, [rows_each]), 284: (3, [2])}, planes, big_endian))
                        tiles = [pack(rng.randbytes(row_bytes(32, bits, 1) * 16)) for _ in range(across * down * samples)]
                        (folder / f"{label}-tiled-planes.tif").write_bytes(tiff(width, height, tags | {322: (4, [32]), 323: (4, [16]), 284: (3, [2])}, tiles, big_endian))


# Orientation


def turned_files(folder, picture):
    """JPEG, PNG and WebP files that say how the camera was held."""
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[274] = orientation
        for width, height in ((61, 47), (3, 200)):
            for suffix in ("jpg", "png", "webp"):
                picture(width, height, "RGB", orientation).save(folder / f"{width}x{height}-turned{orientation}.{suffix}", exif=exif)


def seen(image):
    """The image as its EXIF data says it is seen."""
    return ImageOps.exif_transpose(image)


def make_files(folder, picture):
    gif_files(folder, picture)
    bmp_files(folder, picture)
    tiff_files(folder, picture)
    turned_files(folder, picture)
