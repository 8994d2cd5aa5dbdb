# SPDX-License-Identifier: Apache-2.0
"""Progressive JPEG files that Pillow wrote, damaged by a seed: bits, scans, headers and ends."""

import io
import random

SIZES = [(1, 1), (8, 8), (9, 17), (16, 16), (17, 33), (3, 40), (40, 3), (16, 64), (33, 47), (48, 48), (100, 75), (80, 16), (24, 80), (130, 90)]
OPTIONS = [{}, {"subsampling": 0}, {"subsampling": 1}, {"quality": 20}, {"restart_marker_rows": 1}, {"restart_marker_blocks": 1, "quality": 30}]
END = b"\xff\xd9"


def find_scans(file):
    """For each scan: where its tables begin, where its header does, and where its data ends."""
    scans, at, tables = [], 2, 2
    while at + 4 <= len(file) and file[at] == 0xFF and file[at + 1] != 0xD9:
        marker = file[at + 1]
        start, at = at, at + 2 + int.from_bytes(file[at + 2 : at + 4], "big")
        if marker == 0xDA:
            while at + 1 < len(file) and not (file[at] == 0xFF and file[at + 1] and not 0xD0 <= file[at + 1] <= 0xD7):
                at += 1
            scans.append((tables, start, at))
            tables = at
        elif 0xC0 <= marker <= 0xC2:
            tables = at
    return scans


def flip_bits(rng, file, scans):
    file = bytearray(file)
    for _ in range(rng.randint(1, 8)):
        file[rng.randrange(2, len(file))] ^= 1 << rng.randrange(8)
    return bytes(file)


def flip_in_scan(rng, file, scans):
    file, (_, start, end) = bytearray(file), rng.choice(scans)
    file[rng.randrange(start, end)] ^= 1 << rng.randrange(8)
    return bytes(file)


def change_header(rng, file, scans):
    file = bytearray(file)
    file[rng.randrange(2, scans[0][1])] = rng.choice([0, 1, 2, 255, rng.randrange(256)])
    return bytes(file)


def cut(rng, file, scans):
    return file[: rng.randrange(3, len(file))] + rng.choice([b"", END])


def end_after_scan(rng, file, scans):
    return file[: rng.choice(scans)[2]] + END


def drop_scans(rng, file, scans):
    for start, _, end in sorted(rng.sample(scans, rng.randint(1, len(scans))), reverse=True):
        file = file[:start] + file[end:]
    return file


def cut_scan(rng, file, scans):
    _, start, end = rng.choice(scans)
    return file[: rng.randrange(start, end)] + file[end:]


def repeat_scan(rng, file, scans):
    start, _, end = rng.choice(scans)
    at = rng.choice(scans)[2]
    return file[:at] + file[start:end] + file[at:]


def move_scan(rng, file, scans):
    start, _, end = rng.choice(scans)
    at = rng.choice(scans)[0]
    if at > start:
        return file[:start] + file[end:at] + file[start:end] + file[at:]
    return file[:at] + file[start:end] + file[at:start] + file[end:]


DAMAGES = [flip_bits, flip_in_scan, change_header, cut, end_after_scan, drop_scans, cut_scan, repeat_scan, move_scan]


def make(folder, count, seed, picture):
    """Writes `count` files; `picture(width, height, mode, seed)` makes what is in them."""
    rng = random.Random(seed)
    whole = []
    for number, (width, height) in enumerate(SIZES):
        for mode in ("L", "RGB", "CMYK"):
            for options in OPTIONS:
                file = io.BytesIO()
                picture(width, height, "RGB", number).convert(mode).save(file, "JPEG", progressive=True, **options)
                whole.append(file.getvalue())
    for number in range(count):
        file, names = rng.choice(whole), []
        for _ in range(rng.choice([1, 1, 2])):
            if scans := find_scans(file):
                damage = rng.choice(DAMAGES)
                file = damage(rng, file, scans)
                names.append(damage.__name__)
        (folder / f"{seed}-{number}-{'-'.join(names)}.jpg").write_bytes(file)
