#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lets `illmrec verify` and `illmrec train --golden` answer the goldens of scripts/make-families.py, and prints a table.

    scripts/check-families.py PROGRAMS FAMILIES [--answers] [--int8-bound BOUND]

--answers leaves training out; --int8-bound takes the place of the one of `illmrec verify` in int8, which is what is worth a look and
no promise. PRECISIONS="f32 int8" checks some alone.
Distances are those of hidden states: of the difference over those of the expected, in the worst of the prompts. Training's is the
worst of the gradients' norms over five steps. Exits 1 when one is beyond the bounds of `illmrec verify`.
"""
import argparse
import json
import os
import re
import subprocess
import sys

PRECISIONS = (os.environ.get("PRECISIONS") or "f32 bf16 int8").split()


def verified(illmrec, golden, precision, int8_bound):
    """The distance as text, and whether it is within bounds."""
    run = subprocess.run([illmrec, "verify", golden, "--precision", precision, "--json"], capture_output=True, text=True)
    try:
        found = json.loads(run.stdout)
    except ValueError:
        return "refused", False, run.stderr
    quantities = {entry["quantity"]: entry for entry in found["quantities"]}
    # With packed matrices the sums of a score may nearly cancel out, and two items that are near each other turn around.
    cancelling = () if precision == "f32" else ("image scores", "ranking")
    judged = [entry for name, entry in quantities.items() if name not in cancelling]
    if precision == "int8" and int8_bound is not None:
        sound = all(entry["passed"] or 0 < entry["bound"] and entry["largest_error"] <= int8_bound for entry in judged)
    else:
        sound = all(entry["passed"] for entry in judged)
    return f"{quantities['hidden state']['largest_error']:.1e}", sound, run.stdout


def trained(illmrec, golden):
    run = subprocess.run([illmrec, "train", "--golden", golden], capture_output=True, text=True)
    # A step's line: the loss's error and its bound, the worst norm's error and its bound.
    lines = [re.findall(r"\b\d\.\de[-+]\d+\b", line) for line in run.stdout.splitlines()]
    errors = [float(number) for numbers in lines if len(numbers) == 4 for number in numbers[::2]]
    return f"{max(errors):.1e}" if errors else "refused", run.returncode == 0, run.stdout + run.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs")
    parser.add_argument("families")
    parser.add_argument("--answers", action="store_true")
    parser.add_argument("--int8-bound", type=float)
    arguments = parser.parse_args()
    illmrec, families, trains = f"{arguments.programs}/illmrec", arguments.families, not arguments.answers
    columns = ["family", *PRECISIONS, *["train"] * trains]
    print(f"| {' | '.join(columns)} |\n{'| --- ' * len(columns)}|", flush=True)
    failed = False
    for name in sorted(os.listdir(families)):
        golden = f"{families}/{name}"
        results = [verified(illmrec, golden, precision, arguments.int8_bound) for precision in PRECISIONS]
        results += [trained(illmrec, golden)] if trains else []
        cells = [distance if sound else f"{distance} FAIL" for distance, sound, _ in results]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
        for _, sound, output in results:
            if not sound:
                failed = True
                print(output, file=sys.stderr, flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
