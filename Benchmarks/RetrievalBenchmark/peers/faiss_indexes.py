# SPDX-License-Identifier: Apache-2.0
"""FAISS in a process of its own: reads one request a line, answers each with one line of JSON.

Usage: faiss_indexes.py THREADS. Requests: {"build": KIND, "vectors": path, "dim": n},
{"save": KIND, "path": path}, {"load": KIND, "path": path} and
{"search": KIND, "queries": path, "dim": n, "k": n, "batch": n, "count": n, "out": path or null, "ef": n}.
"""
import json
import resource
import sys
import time

import faiss
import numpy

KINDS = {
    "flat": lambda dim: faiss.IndexFlatIP(dim),
    "sq8": lambda dim: faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT),
    "hnsw": lambda dim: hnsw(dim, 16, 200),
}


def hnsw(dim, m, ef_construction):
    index = faiss.IndexHNSWFlat(dim, m, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = ef_construction
    return index


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def main():
    faiss.omp_set_num_threads(int(sys.argv[1]))
    indexes = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "build" in request:
            items = numpy.fromfile(request["vectors"], numpy.float32).reshape(-1, request["dim"])
            begin = time.perf_counter()
            before = resident()
            index = KINDS[request["build"]](request["dim"])
            index.train(items)
            index.add(items)
            indexes[request["build"]] = index
            answer = {"seconds": time.perf_counter() - begin, "index_bytes": resident() - before}
        elif "save" in request:
            faiss.write_index(indexes[request["save"]], request["path"])
            answer = {}
        elif "load" in request:
            indexes[request["load"]] = faiss.read_index(request["path"])
            answer = {}
        else:
            queries = numpy.fromfile(request["queries"], numpy.float32).reshape(-1, request["dim"])[:request["count"]]
            index, found = indexes[request["search"]], []
            if request.get("ef"):
                index.hnsw.efSearch = request["ef"]
            begin = time.perf_counter()
            for first in range(0, len(queries), request["batch"]):
                found.append(index.search(queries[first:first + request["batch"]], request["k"])[1])
            answer = {"seconds": time.perf_counter() - begin}
            if request.get("out"):
                numpy.concatenate(found).astype(numpy.uint32).tofile(request["out"])
        answer["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
