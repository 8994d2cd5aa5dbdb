#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes Sources/Models/Tokenizer/File/UnicodeClasses+Ranges.swift: what PyPI's `tokenizers` asks of a character.

The classes are read off the library itself, character by character, so that they are those of the versions of Unicode that its
engine for patterns and its normalizers know; Python's own tables are asked only for the second characters of compositions.

    pip install tokenizers==0.22.1 && scripts/make-unicode-classes.py
"""

import pathlib
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

OUTPUT = pathlib.Path(__file__).parent.parent / "Sources/Models/Tokenizer/File/UnicodeClasses+Ranges.swift"
CHARACTERS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
LETTER, NUMBER, SPACE, MARK, NFC, NFD, NFKC, NFKD = (1 << bit for bit in range(8))


def matching(pattern):
    """The characters that a pattern of one character matches."""
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    found = set()
    for start in range(0, len(CHARACTERS), 4096):
        block = CHARACTERS[start : start + 4096]
        kept = set("".join(piece for piece, _ in split.pre_tokenize_str("".join(map(chr, block)))))
        found.update(c for c in block if chr(c) not in kept)
    return found


def moving():
    """Those with a combining class: they change places with U+0345, of class 240, before them or with U+0334, of class 1, behind."""
    nfd = normalizers.NFD()
    return {
        c
        for c in CHARACTERS
        if nfd.normalize_str("\u0345" + chr(c))[0] != "\u0345" or nfd.normalize_str(chr(c) + "\u0334")[0] == "\u0334"
    } | {0x0345}


def second():
    """Those that may become one character with the one before them, of the characters that the library decomposes."""
    nfd = normalizers.NFD()
    known = [c for c in CHARACTERS if nfd.normalize_str(chr(c)) != chr(c)]
    pairs = [unicodedata.decomposition(chr(c)).split() for c in known]
    return {int(pair[1], 16) for pair in pairs if len(pair) == 2 and not pair[0].startswith("<")} | set(range(0x1161, 0x11C3))


def classes():
    masks = dict.fromkeys(CHARACTERS, 0)

    def add(mask, characters):
        for c in characters:
            masks[c] |= mask

    add(LETTER, matching(r"\p{L}"))
    add(NUMBER, matching(r"\p{N}"))
    add(SPACE, matching(r"\s"))
    strip = normalizers.StripAccents()
    add(MARK, (c for c in CHARACTERS if strip.normalize_str(chr(c)) == ""))
    reordered, composed = moving(), second()
    for form, mask in [("NFC", NFC), ("NFD", NFD), ("NFKC", NFKC), ("NFKD", NFKD)]:
        normalizer = getattr(normalizers, form)()
        add(mask, (c for c in CHARACTERS if normalizer.normalize_str(chr(c)) != chr(c)))
        add(mask, reordered | (composed if form.endswith("C") else set()))
    return masks


def main():
    masks = classes()
    runs = [(c, masks[c]) for c in CHARACTERS if c == 0 or masks[c] != masks.get(c - 1, 0)]
    if runs[-1][1]:
        raise SystemExit("the last class reaches the end of Unicode")
    words = [f"0x{start << 8 | mask:X}" for start, mask in runs]
    lines, line = [], "   "
    for word in words:
        if len(line) + len(word) + 2 > 120:
            lines.append(line)
            line = "   "
        line += f" {word},"
    lines.append(line)
    OUTPUT.write_text(
        "// SPDX-License-Identifier: Apache-2.0\n\n"
        f"// Written by scripts/make-unicode-classes.py from PyPI's tokenizers {tokenizers.__version__}.\n\n"
        "extension UnicodeClasses {\n"
        "  /// Where a class begins: the character in the upper 24 bits, its mask in the lower 8. It reaches to the next one.\n"
        "  static let ranges: [UInt32] = [\n" + "\n".join(lines) + "\n  ]\n}\n"
    )
    print(f"{len(runs)} ranges in {OUTPUT.name}")


if __name__ == "__main__":
    main()
