#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares two methods over several seeds, user by user, from what `illmrec evaluate --ranks FILE` wrote.

    Benchmarks/Evaluation/paired_seeds.py METHOD FILE[,FILE…] BASELINE FILE[,FILE…] [--resamples 10000]

A file for each seed, METHOD and BASELINE as the files call them. A user's figure is the mean over the seeds; ranks of equal scores count
as the mean over their orders. Prints the means, the difference with the 95 % interval of a bootstrap over the users, and p: the share of
samples in which METHOD was not better. Takes Python alone.
"""
import argparse
import csv
import math
import random

METRICS = {
    "Hit@5": lambda rank: 1.0 if rank <= 5 else 0.0,
    "NDCG@5": lambda rank: 1 / math.log2(rank + 1) if rank <= 5 else 0.0,
    "Hit@10": lambda rank: 1.0 if rank <= 10 else 0.0,
    "NDCG@10": lambda rank: 1 / math.log2(rank + 1) if rank <= 10 else 0.0,
}


def figures(path, method, gain):
    """Of each user, in the file's order."""
    values = {}
    with open(path, newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["method"] != method:
                continue
            first, ties = int(row["better"]) + 1, int(row["ties"])
            values[row["user"]] = sum(gain(first + place) for place in range(ties + 1)) / (ties + 1)
    if not values:
        raise SystemExit(f"{path} has no method {method}")
    return values


def means(paths, method, gain):
    seeds = [figures(path, method, gain) for path in paths]
    if any(seed.keys() != seeds[0].keys() for seed in seeds):
        raise SystemExit(f"the files of {method} have different users")
    return {user: sum(seed[user] for seed in seeds) / len(seeds) for user in seeds[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("method", "files", "baseline", "baseline_files"):
        parser.add_argument(name)
    parser.add_argument("--resamples", type=int, default=10_000)
    arguments = parser.parse_args()
    files, baseline_files = arguments.files.split(","), arguments.baseline_files.split(",")
    print(f"{len(files)} and {len(baseline_files)} seeds\n| | {arguments.method} | {arguments.baseline} | difference | p |\n{'| --- ' * 5}|")
    for name, gain in METRICS.items():
        ours, theirs = means(files, arguments.method, gain), means(baseline_files, arguments.baseline, gain)
        if ours.keys() != theirs.keys():
            raise SystemExit("the methods were evaluated on different users")
        differences = [ours[user] - theirs[user] for user in ours]
        generator, count = random.Random(1), len(differences)
        samples = sorted(sum(generator.choices(differences, k=count)) / count for _ in range(arguments.resamples))
        low, high = samples[int(0.025 * len(samples))], samples[int(0.975 * len(samples))]
        p = sum(sample <= 0 for sample in samples) / len(samples)
        print(f"| {name} | {sum(ours.values()) / count:.3f} | {sum(theirs.values()) / count:.3f} "
              f"| {sum(differences) / count:+.3f} ({low:+.3f} to {high:+.3f}) | {p:.4f} |")


if __name__ == "__main__":
    main()
