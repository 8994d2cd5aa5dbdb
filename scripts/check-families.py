#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lets `illmrec verify` and `illmrec train --golden` answer the goldens of scripts/make-families.py, and prints a table.

    scripts/check-families.py PROGRAMS FAMILIES

Distances are those of hidden states: of the difference over those of the expected, in the worst of the prompts. Training's is the
worst of the gradients' norms over five steps. Exits 1 when one is beyond the bounds of `illmrec verify`.
"""
import json
import os
import re
import subprocess
import sys

PRECISIONS = ("f32", "bf16", "int8")


def verified(illmrec, golden, precision):
    """The distance as text, and whether it is within bounds."""
    run = subprocess.run([illmrec, "verify", golden, "--precision", precision, "--json"], capture_output=True, text=True)
    try:
        found = json.loads(run.stdout)
    except ValueError:
        return "refused", False, run.stderr
    quantities = {entry["quantity"]: entry for entry in found["quantities"]}
    # A packed matrix may turn two items around that are near each other.
    sound = all(entry["passed"] for name, entry in quantities.items() if precision == "f32" or name != "ranking")
    return f"{quantities['hidden state']['largest_error']:.1e}", sound, run.stdout


def trained(illmrec, golden):
    run = subprocess.run([illmrec, "train", "--golden", golden], capture_output=True, text=True)
    errors = [float(number) for number in re.findall(r"\b\d\.\de[-+]\d+\b", run.stdout)]
    return f"{max(errors):.1e}" if errors else "refused", run.returncode == 0, run.stdout + run.stderr


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    illmrec, families = f"{sys.argv[1]}/illmrec", sys.argv[2]
    print("| family | f32 | bf16 | int8 | train |\n| --- | --- | --- | --- | --- |", flush=True)
    failed = False
    for name in sorted(os.listdir(families)):
        golden = f"{families}/{name}"
        results = [verified(illmrec, golden, precision) for precision in PRECISIONS] + [trained(illmrec, golden)]
        cells = [distance if sound else f"{distance} FAIL" for distance, sound, _ in results]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
        for _, sound, output in results:
            if not sound:
                failed = True
                print(output, file=sys.stderr, flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
