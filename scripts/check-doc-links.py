#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every relative link in the repository's Markdown pages names a file and a heading that exist, and that the README's list of
pages names each page of docs/ once. Links to other sites are not followed."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^(```|~~~).*?^\1[^\n]*$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def anchor(heading: str) -> str:
    """GitHub's name of a heading: lower case, punctuation left out, spaces as hyphens."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(page: pathlib.Path) -> set[str]:
    text = BLOCK.sub("", page.read_text())
    return {anchor(h) for h in re.findall(r"^#{1,6} +(.+?) *#*$", text, re.MULTILINE)}


def problems_of_links(page: pathlib.Path) -> list[str]:
    found = []
    for target in LINK.findall(CODE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target) or target.startswith("../blob/"):
            continue
        path, _, fragment = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        name = page.relative_to(ROOT)
        if not file.exists():
            found.append(f"{name}: {target} names no file")
        elif fragment and fragment not in anchors(file):
            found.append(f"{name}: {target} names no heading")
    return found


def problems_of_index(readme: pathlib.Path) -> list[str]:
    """Each page of docs/ stands exactly once in the README's section "More"."""
    more = readme.read_text().partition("\n## More\n")[2]
    pages = sorted(p.relative_to(ROOT).as_posix() for p in (ROOT / "docs").glob("*.md"))
    counts = {p: len(re.findall(r"\]\(" + re.escape(p) + r"\)", more)) for p in pages}
    return [f"README.md: \"More\" lists {p} {n} times, not once" for p, n in counts.items() if n != 1]


def main() -> int:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split()
    pages = [ROOT / name for name in listed if (ROOT / name).exists()]
    found = [p for page in pages for p in problems_of_links(page)] + problems_of_index(ROOT / "README.md")
    print("\n".join(found) or f"The links of {len(pages)} pages lead somewhere.", file=sys.stderr if found else sys.stdout)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
