# SPDX-License-Identifier: Apache-2.0
"""HNSW against FAISS's: recall@10 and queries a second over ef, with and without exclusions. Graphs are built once and kept."""
import numpy

from engines import Faiss, Ours
from exact import K, part_of
from vectors import VectorSet, ranking

M, EF_CONSTRUCTION = 16, 200
EFS = (32, 64, 96, 128, 192, 256)
QUERIES, BATCH, TARGET = 512, 256, 0.98
EXCLUDED, EXCLUDED_QUERIES = 1_000, 128


def compare_approximate(report, options, count, dim):
    vectors = VectorSet(options.dir, count, dim)
    size = f"{count // 1000}k x {dim}"
    best, _ = ranking(vectors, vectors.queries()[:QUERIES], EXCLUDED + K)
    ours, faiss = open_ours(report, options, vectors, size), open_faiss(report, options, vectors, size)
    queries, out = part_of(vectors, QUERIES), vectors.folder / "found.u32"

    def contender(name, ef, batch, found=None):
        if name == "ours":
            return ours.search(index(vectors), queries, dim, K, batch, found, ef=ef)["seconds"]
        return faiss.search("hnsw", vectors.queries_path, dim, K, batch, QUERIES, found, ef=ef)["seconds"]

    least = {}
    for name in ("ours", "FAISS"):
        for ef in EFS:
            contender(name, ef, BATCH, out)
            found = recall(out, best[:, :K])
            report.note(f"{size}, {name}, ef {ef}: recall@{K} {found:.4f}")
            if found >= TARGET:
                least.setdefault(name, ef)
    if len(least) < 2:
        report.note(f"{size}: no ef up to {EFS[-1]} reaches a recall of {TARGET} for both")
        return
    for what, batch in (("one query at a time", 1), (f"batches of {BATCH}", BATCH)):
        report.compare(f"{size}, HNSW with the least ef of a recall of {TARGET}, {what}", {
            f"{'ours' if name == 'ours' else 'FAISS HNSW'}, ef {ef}": (
                QUERIES, lambda name=name, ef=ef, batch=batch: contender(name, ef, batch)) for name, ef in least.items()})
    report_exclusions(report, ours, vectors, best, least["ours"], size)
    faiss.stop()
    ours.stop()


def report_exclusions(report, ours, vectors, best, ef, size):
    """Queries leave out items drawn at random, as a catalog's seen items are, and then the worst case: their own best."""
    drawn = numpy.random.default_rng(vectors.count).integers(0, vectors.count, (QUERIES, EXCLUDED), dtype=numpy.uint32)
    left = numpy.array([row[~numpy.isin(row, out)][:K] for row, out in zip(best, drawn)])
    report_excluded(report, ours, vectors, drawn, left, ef, f"{size}, ours, ef {ef}, {EXCLUDED:,} random items excluded")
    best = best[:EXCLUDED_QUERIES]
    report_excluded(report, ours, vectors, best[:, :EXCLUDED], best[:, EXCLUDED:EXCLUDED + K], ef,
                    f"{size}, ours, ef {ef}, each query's best {EXCLUDED:,} items excluded")


def report_excluded(report, ours, vectors, excluded, left, ef, what):
    path, out = vectors.folder / "excluded-approximate.u32", vectors.folder / "found.u32"
    numpy.ascontiguousarray(excluded).tofile(path)
    ours.search(index(vectors), part_of(vectors, len(left)), vectors.dim, K, 1, out, path, EXCLUDED, ef=ef)
    report.note(f"{what}: recall@{K} {recall(out, left):.4f}")


def recall(path, best):
    found = numpy.fromfile(path, numpy.uint32).reshape(len(best), K)
    return float(numpy.mean([len(numpy.intersect1d(f, b)) / K for f, b in zip(found, best)]))


def index(vectors):
    return vectors.name + "-hnsw"


def open_ours(report, options, vectors, size):
    data = vectors.folder / "data-hnsw"
    if not (data / "indexes" / index(vectors) / "versions").exists():
        publisher = Ours(options.probe, data, options.threads)
        published = publisher.publish(index(vectors), vectors, graph=[M, EF_CONSTRUCTION])
        publisher.stop()
        report.note(f"{size}: ours is published with its graph in {published['seconds']:.1f} s, {published['peakBytes'] / 1e6:.0f} MB at most")
    ours = Ours(options.probe, data, options.threads)
    opened = ours.search(index(vectors), part_of(vectors, 1), vectors.dim, K, 1, ef=EFS[0])
    report.note(f"{size}: ours has {opened['residentBytes'] / 1e6:.0f} MB resident, of them "
                f"{vectors.count * vectors.dim * 4 / 1e6:.0f} MB of vectors that are mapped")
    return ours


def open_faiss(report, options, vectors, size):
    faiss, path = Faiss(options.threads), vectors.folder / "faiss.hnsw"
    if not path.exists():
        built = faiss.build("hnsw", vectors)
        faiss.save("hnsw", path)
        report.note(f"{size}: FAISS HNSW takes {built['index_bytes'] / 1e6:.0f} MB, built in {built['seconds']:.1f} s")
    else:
        faiss.load("hnsw", path)
    return faiss
