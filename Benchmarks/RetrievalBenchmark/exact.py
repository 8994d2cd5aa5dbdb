# SPDX-License-Identifier: Apache-2.0
"""Exact search against FAISS's flat and 8-bit indexes: one query at a time, in batches, and with exclusions."""
import subprocess

import numpy

from engines import Faiss, Ours
from vectors import VectorSet, ranking

K = 10
CHECKED_QUERIES = 256
BATCH = 256
# Queries of a round: about a second each.
SINGLE = {"ours": 512, "flat": 48, "sq8": 96}


def compare_exact(report, options, count, dim):
    vectors = VectorSet(options.dir, count, dim)
    size = f"{count // 1000}k x {dim}"
    ours = open_ours(report, options, vectors, size)
    faiss = Faiss(options.threads)
    for kind in ("flat", "sq8"):
        built = faiss.build(kind, vectors)
        report.note(f"{size}: FAISS {kind} takes {built['index_bytes'] / 1e6:.0f} MB, built in {built['seconds']:.1f} s")
    check(report, ours, faiss, vectors, size)

    def single(engine, name):
        queries = part_of(vectors, SINGLE[name])
        if name == "ours":
            return SINGLE[name], lambda: engine.search(vectors.name, queries, dim, K, 1)["seconds"]
        return SINGLE[name], lambda: engine.search(name, vectors.queries_path, dim, K, 1, SINGLE[name])["seconds"]

    rates = report.compare(f"{size}, one query at a time", {
        "ours, exact": single(ours, "ours"), "FAISS flat f32": single(faiss, "flat"), "FAISS SQ8": single(faiss, "sq8")})
    report_bandwidth(report, options, size, rates["ours, exact"] * count * dim, count * dim)
    queries = part_of(vectors, 2 * BATCH)
    report.compare(f"{size}, batches of {BATCH}", {
        "ours, exact": (2 * BATCH, lambda: ours.search(vectors.name, queries, dim, K, BATCH)["seconds"]),
        "FAISS flat f32": (2 * BATCH, lambda: faiss.search("flat", vectors.queries_path, dim, K, BATCH, 2 * BATCH)["seconds"])})
    faiss.stop()
    ours.stop()


def compare_exclusions(report, options, count, dim):
    """Each query leaves out its own best items: those a user has seen."""
    vectors = VectorSet(options.dir, count, dim)
    ours = open_ours(report, options, vectors, f"{count // 1000}k x {dim}")
    queries = part_of(vectors, 64)
    best, scores = ranking(vectors, vectors.queries()[:64], 10_000 + K)
    contenders = {"nothing": (64, lambda: ours.search(vectors.name, queries, dim, K, 1)["seconds"])}
    for each in (1, 1_000, 10_000):
        path = vectors.folder / f"excluded-{each}.u32"
        best[:, :each].tofile(path)
        out = vectors.folder / "found.u32"
        ours.search(vectors.name, queries, dim, K, 1, out, path, each)
        found = vectors.items()[numpy.fromfile(out, numpy.uint32)].reshape(64, K, dim)
        # So far down the ranking, scores lie closer together than float32 tells apart: the scores count, not the ids.
        error = numpy.abs(numpy.einsum("qkd,qd->qk", found, vectors.queries()[:64], dtype=numpy.float64) - scores[:, each:each + K]).max()
        report.note(f"excluding the best {each:,}: scores are within {error:.0e} of the brute-force ranking's")
        contenders[f"the best {each:,}"] = (
            64, lambda path=path, each=each: ours.search(vectors.name, queries, dim, K, 1, None, path, each)["seconds"])
    report.compare(f"{count // 1000}k x {dim}, one query at a time, excluding", contenders)
    ours.stop()


def open_ours(report, options, vectors, size):
    """Our engine on a version of these vectors, opened from disk."""
    data = vectors.folder / "data"
    if not data.exists():
        publisher = Ours(options.probe, data, options.threads)
        published = publisher.publish(vectors.name, vectors)
        publisher.stop()
        report.note(f"{size}: ours is written, made durable, read back and checked in {published['seconds']:.1f} s")
    ours = Ours(options.probe, data, options.threads)
    opened = ours.search(vectors.name, part_of(vectors, 1), vectors.dim, K, 1)
    code_bytes = (vectors.dim + 8) * vectors.count
    report.note(f"{size}: ours has {opened['residentBytes'] / 1e6:.0f} MB resident after the first query, of them "
                f"{code_bytes / 1e6:.0f} MB of codes and {vectors.count * vectors.dim * 4 / 1e6:.0f} MB of vectors that are mapped")
    return ours


def part_of(vectors, count):
    """A file of the first queries."""
    path = vectors.folder / f"queries-{count}.f32"
    if not path.exists():
        vectors.queries()[:count].tofile(path)
    return path


def check(report, ours, faiss, vectors, size):
    """Ids against brute force in double precision, where float32 can tell scores apart."""
    out = vectors.folder / "found.u32"
    best, scores = ranking(vectors, vectors.queries()[:CHECKED_QUERIES], K)
    for name, batch in (("one at a time", 1), ("in batches", BATCH)):
        ours.search(vectors.name, part_of(vectors, CHECKED_QUERIES), vectors.dim, K, batch, out)
        found = numpy.fromfile(out, numpy.uint32).reshape(CHECKED_QUERIES, K)
        report.note(f"{size}, {name}: {(found == best).mean():.2%} of ours are the items of brute force in double precision "
                    f"at their places ({CHECKED_QUERIES} queries, k {K})")
    for kind in ("flat", "sq8"):
        faiss.search(kind, vectors.queries_path, vectors.dim, K, 1, CHECKED_QUERIES, out)
        found = numpy.fromfile(out, numpy.uint32).reshape(CHECKED_QUERIES, K)
        report.note(f"{size}: {(found == best).mean():.2%} of FAISS {kind}'s are")


def report_bandwidth(report, options, size, read_per_second, codes):
    """A query reads every code once."""
    for what, bytes_read in (("as many bytes", codes), ("1 GiB", 1 << 30)):
        measured = float(subprocess.run([options.bandwidth, str(options.threads), str(bytes_read)],
                                        check=True, capture_output=True, text=True).stdout)
        report.note(f"{size}: one query at a time reads {read_per_second / 1e9:.1f} GB/s, {read_per_second / 1e9 / measured:.0%} of the "
                    f"{measured:.1f} GB/s that {options.threads} threads read of {what}")
