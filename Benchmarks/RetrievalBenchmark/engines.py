# SPDX-License-Identifier: Apache-2.0
"""The processes that are compared: ours and FAISS, each asked through a line of JSON at a time."""
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


class Engine:
    def __init__(self, command, environment=None):
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **(environment or {})})

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args[0]} ended early at {request}")
        return json.loads(line)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Ours(Engine):
    """SearchProbe on a data directory: versions as the retrieval service keeps them."""

    def __init__(self, probe, directory, threads):
        super().__init__([probe, directory, threads])

    def publish(self, index, vectors, graph=None):
        return self.ask({"publish": {
            "index": index, "vectors": str(vectors.items_path), "dim": vectors.dim, "graph": graph}})

    def search(self, index, queries, dim, k, batch, out=None, excluded=None, excluded_each=None, ef=None):
        return self.ask({"search": {
            "index": index, "queries": str(queries), "dim": dim, "k": k, "batch": batch, "out": out and str(out),
            "excluded": excluded and str(excluded), "excludedEach": excluded_each, "ef": ef}})


class Faiss(Engine):
    def __init__(self, threads):
        # Its OpenBLAS takes processors that it does not know for the oldest; with the name of one it knows it is 4 times faster.
        flags = pathlib.Path("/proc/cpuinfo").read_text().split()
        core = {"OPENBLAS_CORETYPE": "SkylakeX"} if "avx512f" in flags else {}
        super().__init__([sys.executable, HERE / "peers" / "faiss_indexes.py", threads],
                         {"OMP_NUM_THREADS": str(threads), **core})

    def build(self, kind, vectors):
        return self.ask({"build": kind, "vectors": str(vectors.items_path), "dim": vectors.dim})

    def save(self, kind, path):
        return self.ask({"save": kind, "path": str(path)})

    def load(self, kind, path):
        return self.ask({"load": kind, "path": str(path)})

    def search(self, kind, queries, dim, k, batch, count, out=None, ef=None):
        return self.ask({"search": kind, "queries": str(queries), "dim": dim, "k": k, "batch": batch, "count": count,
                         "out": out and str(out), "ef": ef})
