# SPDX-License-Identifier: Apache-2.0
"""A peer in a process of its own: reads one request a line from stdin, answers with one line of JSON."""
import json
import os
import resource
import sys
import time

# Before the frameworks are imported: as many threads as the services have, that sleep when idle.
os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


def serve(load):
    """`load` returns a function of one request; its answer is timed here."""
    begin = time.perf_counter()
    answer = load()
    reply({"load_seconds": time.perf_counter() - begin})
    for line in sys.stdin:
        request = json.loads(line)
        begin = time.perf_counter()
        result = answer(request)
        reply({"seconds": time.perf_counter() - begin, "result": result})


def reply(value):
    value["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(value), flush=True)
