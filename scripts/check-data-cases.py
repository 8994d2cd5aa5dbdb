#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prepares each source that scripts/make-cases.py made, and compares: usage: check-data-cases.py ILLMREC DIRECTORY"""
import json
import pathlib
import subprocess
import sys
import tempfile

FILES = ("meta_info.json", "test_users.json", "illmrec_dataset.json")


def prepare(program, source, out):
    return subprocess.run(
        [program, "data", "prepare", source, "--out", out, "--k-core", "0", "--image-check", "off", "--negatives", "0"],
        capture_output=True, text=True)


def contents(directory):
    values = [json.loads((directory / name).read_text()) for name in FILES]
    # What it was made from and how many lines were bad differ; what it holds does not.
    return values[0], values[1], values[2]["item_ids"]


def main():
    program, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    wrong = 0
    with tempfile.TemporaryDirectory() as place:
        outs = pathlib.Path(place)
        runs = {case.name: prepare(program, case, outs / case.name) for case in sorted(directory.iterdir())}
        for name, run in runs.items():
            verdict = json.loads((directory / name / "case.json").read_text())
            said = run.stdout + run.stderr
            if "refused" in verdict:
                is_right = run.returncode != 0 and verdict["refused"] in said
            else:
                is_right = run.returncode == 0 and contents(outs / name) == contents(outs / verdict["equals"])
            wrong += not is_right
            print(f"{'right' if is_right else 'WRONG':6} {name}" + ("" if is_right else f": {said.strip()[-300:]}"))
    sys.exit(f"{wrong} of {len(runs)} sources came to something else" if wrong else 0)


if __name__ == "__main__":
    main()
