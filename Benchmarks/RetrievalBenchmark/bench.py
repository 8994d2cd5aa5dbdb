#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares searches with FAISS on this machine, in turn, and writes the figures.

scripts/bench-retrieval.sh sets everything up and calls this. Each part is a function in a file of its own.
"""
import argparse

from approximate import compare_approximate
from exact import compare_exact, compare_exclusions
from report import Report
from rpc import publish_over_rpc

PARTS = {
    "exact-512": lambda report, options: compare_exact(report, options, 100_000, 512),
    "exact-1536": lambda report, options: compare_exact(report, options, 100_000, 1536),
    "exclusions": lambda report, options: compare_exclusions(report, options, 100_000, 512),
    "hnsw-100k": lambda report, options: compare_approximate(report, options, 100_000, 512),
    "hnsw-1m": lambda report, options: compare_approximate(report, options, 1_000_000, 512),
    "rpc-100k": lambda report, options: publish_over_rpc(report, options, 100_000, 512),
    "rpc-1m": lambda report, options: publish_over_rpc(report, options, 1_000_000, 512),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", required=True, help="where vectors and versions are kept")
    parser.add_argument("--probe", required=True, help="SearchProbe, built in release mode")
    parser.add_argument("--service", required=True, help="illmrec-retrieval, built in release mode")
    parser.add_argument("--bandwidth", required=True, help="bandwidth.c, compiled")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--out", default="RETRIEVAL-BENCHMARKS.md")
    options = parser.parse_args()
    report = Report(options.rounds)
    for part in options.parts:
        PARTS[part](report, options)
    report.write(options.out)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
