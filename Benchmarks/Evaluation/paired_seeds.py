#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares two methods over several seeds, user by user, from what `illmrec evaluate --ranks FILE` wrote.

    Benchmarks/Evaluation/paired_seeds.py METHOD FILE[,FILE…] BASELINE FILE[,FILE…] [--resamples 10000]

Seeds are those of each file, however many it has, of all files together; METHOD and BASELINE as the files call them. A user's figure is the
mean over the seeds; ranks of equal scores count as the mean over their orders. Prints the means, the difference with the 95 % interval of a
bootstrap over the users, and p: the share of samples in which METHOD was not better. Takes Python alone.
"""
import argparse
import csv
import math
import os
import random
import sys

METRICS = {
    "Hit@5": lambda rank: 1.0 if rank <= 5 else 0.0,
    "NDCG@5": lambda rank: 1 / math.log2(rank + 1) if rank <= 5 else 0.0,
    "Hit@10": lambda rank: 1.0 if rank <= 10 else 0.0,
    "NDCG@10": lambda rank: 1 / math.log2(rank + 1) if rank <= 10 else 0.0,
}
COLUMNS = {"user", "method", "seed", "better", "ties"}


class Refused(Exception):
    """Why files cannot be compared, and what to do about it."""


def whole(path, line, name, text):
    if not (text.isascii() and text.isdigit()):
        raise Refused(f"{path}, line {line}: {name} is {text!r}, not a whole number; give what illmrec evaluate --ranks wrote")
    return int(text)


def ranks(path, method):
    """The (items before it, items level with it) of each user's target, for each seed of the file."""
    seeds = {}
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            rows = csv.DictReader(stream)
            if not COLUMNS <= set(rows.fieldnames or []):
                raise Refused(f"{path} has no columns {', '.join(sorted(COLUMNS))}; give what illmrec evaluate --ranks wrote")
            for row in rows:
                if row["method"] != method:
                    continue
                of_seed = seeds.setdefault(row["seed"], {})
                if row["user"] in of_seed:
                    raise Refused(f"{path}, line {rows.line_num}: user {row['user']} of {method} is there twice; "
                                  "write the file anew")
                of_seed[row["user"]] = tuple(whole(path, rows.line_num, name, row[name] or "") for name in ("better", "ties"))
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}; name a file that illmrec evaluate --ranks wrote") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused(f"{path} is no CSV file in UTF-8 ({error}); give what illmrec evaluate --ranks wrote") from error
    if not seeds:
        raise Refused(f"{path} has no method {method}; name one of its column method")
    return list(seeds.values())


def all_seeds(paths, method):
    places = [os.path.realpath(path) for path in paths]
    if len(set(places)) < len(places):
        raise Refused(f"{method}: the same file twice is no second seed; name each file once")
    seeds = [seed for path in paths for seed in ranks(path, method)]
    if any(seed.keys() != seeds[0].keys() for seed in seeds):
        raise Refused(f"the seeds of {method} have different users; evaluate all on the same data")
    return seeds


def means(seeds, gain):
    """Of each user over the seeds."""
    def figure(better, ties):
        return sum(gain(better + 1 + place) for place in range(ties + 1)) / (ties + 1)
    return {user: sum(figure(*seed[user]) for seed in seeds) / len(seeds) for user in seeds[0]}


def compare(arguments):
    seeds = all_seeds(arguments.files.split(","), arguments.method)
    baseline_seeds = all_seeds(arguments.baseline_files.split(","), arguments.baseline)
    if seeds[0].keys() != baseline_seeds[0].keys():
        raise Refused("the methods were evaluated on different users; evaluate both on the same data")
    # The samples are drawn by place: the order of a file's lines has no part in them.
    users = sorted(seeds[0])
    print(f"{len(seeds)} and {len(baseline_seeds)} seeds\n| | {arguments.method} | {arguments.baseline} | difference | p |\n{'| --- ' * 5}|")
    for name, gain in METRICS.items():
        ours, theirs = means(seeds, gain), means(baseline_seeds, gain)
        differences = [ours[user] - theirs[user] for user in users]
        generator, count = random.Random(1), len(differences)
        samples = sorted(sum(generator.choices(differences, k=count)) / count for _ in range(arguments.resamples))
        low, high = samples[int(0.025 * len(samples))], samples[int(0.975 * len(samples))]
        p = sum(sample <= 0 for sample in samples) / len(samples)
        print(f"| {name} | {sum(ours.values()) / count:.3f} | {sum(theirs.values()) / count:.3f} "
              f"| {sum(differences) / count:+.3f} ({low:+.3f} to {high:+.3f}) | {p:.4f} |")


def resamples(text):
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 1_000_000):
        raise argparse.ArgumentTypeError("give a whole number of 1 to 1,000,000")
    return int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("method", "files", "baseline", "baseline_files"):
        parser.add_argument(name)
    parser.add_argument("--resamples", type=resamples, default=10_000)
    try:
        compare(parser.parse_args())
    except Refused as refusal:
        sys.exit(f"paired_seeds.py: {refusal}")


if __name__ == "__main__":
    main()
