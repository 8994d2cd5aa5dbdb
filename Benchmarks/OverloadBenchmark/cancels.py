#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How soon the services stop computing for callers who have gone, over loopback, and whether thousands of them leave anything.

One caller at a time calls for about a second's work and cancels, or lets its deadline pass, in the middle; the process's own clock of
processor time tells when it stops. Then many callers at once cancel at random moments; after them no call and no work may be left, and
an ordinary call must be answered."""
import argparse
import random
import re
import sys
import tempfile
import threading
import time
import urllib.request

import grpc

from bench import Server, milliseconds, row
from workloads import WORKLOADS

# What one waits to see that a process rests, and what it may take meanwhile: its timers and those who watch it.
WINDOW, REST = 0.03, 0.004


class Service(Server):
    def __init__(self, kind, options, state, flags):
        http = f"{state}/http"
        super().__init__(f"{options.programs}/{kind.program}",
                         [*kind.flags(options.checkpoint, state), "--http-port", "0", "--http-port-file", http, *flags])
        with open(http) as file:
            self.metrics_address = f"http://127.0.0.1:{file.read().strip()}/metrics"
        # The clock of another process's processor time, as clock_getcpuclockid(3) makes its number.
        self.clock = (~self.process.pid << 3) | 2

    def work(self):
        """Seconds of processor time, of all threads."""
        return time.clock_gettime(self.clock)

    def left(self):
        """Calls and queued work, by the service's own metrics."""
        with urllib.request.urlopen(self.metrics_address) as answer:
            text = answer.read().decode()
        return sum(float(value) for name, value in re.findall(r"^(illmrec_(?:rpc_in_flight|batch_queue_cost)\S*) (\S+)$", text, re.M)
                   if "Watch" not in name)


def seconds_until_rest(service, since):
    """From `since`; the moment after which the process computes no more."""
    while True:
        begin, work = time.perf_counter(), service.work()
        time.sleep(WINDOW)
        if service.work() - work < REST:
            return max(begin - since, 0)
        if begin - since > 60:
            return float("inf")


def long_request(workload, calls):
    request = workload.request()
    for _ in range(calls - 1):
        request.MergeFrom(workload.request())
    return request


def whole(call, workload, calls):
    begin = time.perf_counter()
    call(long_request(workload, calls), timeout=600)
    return time.perf_counter() - begin


def given_up(service, call, workload, options, chance, duration, by_deadline):
    request = long_request(workload, options.calls)
    after = duration * chance.uniform(0.2, 0.7)
    if by_deadline:
        pending = call.future(request, timeout=after)
        try:
            pending.result()
        except grpc.RpcError:
            pass
    else:
        pending = call.future(request, timeout=600)
        time.sleep(after)
        pending.cancel()
    return seconds_until_rest(service, time.perf_counter())


def quantile(values, share):
    values = sorted(values)
    return values[min(int(share * len(values)), len(values) - 1)]


def flood(target, kind_method, workload, count, seed):
    chance = random.Random(seed)
    with grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        call = kind_method(channel)
        for _ in range(count):
            pending = call.future(workload.request(), timeout=60)
            time.sleep(chance.choice([0, chance.uniform(0, 0.02)]))
            pending.cancel()


def left_after_a_while(service):
    """A call ends some time after its cancellation arrived, on a busy machine more than a moment."""
    end = time.perf_counter() + 5
    while (left := service.left()) and time.perf_counter() < end:
        time.sleep(0.05)
    return left


def measure(service, kind, workload, options):
    chance = random.Random(options.seed)
    with grpc.insecure_channel(service.target) as channel:
        call = workload.method(channel)
        whole(call, workload, options.calls)
        duration = min(whole(call, workload, options.calls) for _ in range(3))
        columns = [[given_up(service, call, workload, options, chance, duration, by_deadline) for _ in range(options.times)]
                   for by_deadline in (False, True)]
        before = service.memory("RssAnon")
        threads = [threading.Thread(target=flood, args=(service.target, workload.method, workload, options.cancels // options.callers, seed))
                   for seed in range(options.callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rest = seconds_until_rest(service, time.perf_counter())
        left, after = left_after_a_while(service), service.memory("RssAnon")
        whole(call, workload, 1)
    print(f"\n## {kind.program}: calls of {duration:.2f} s of work\n")
    row("", "cancelled", "past the deadline")
    row("---", "---", "---")
    for name, share in (("p50", 0.5), ("p99", 0.99), ("slowest", 1)):
        row(f"the processors are free after, {name}", *(milliseconds(quantile(column, share)) for column in columns))
    print(f"\nAfter {options.cancels:,} cancelled calls of {options.callers} callers it rested within {milliseconds(rest)}; calls and work left: "
          f"{left:g}; memory {before / 1e6:.0f} MB before, {after / 1e6:.0f} MB after; the next call was answered.")
    return left == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True, help="the directory of the services' programs")
    parser.add_argument("--checkpoint", required=True, help="of the encoder and the LLM")
    parser.add_argument("--services", default=",".join(WORKLOADS), help="which are measured, separated by commas")
    parser.add_argument("--calls", type=int, default=12, help="calls of make bench-overload in one")
    parser.add_argument("--times", type=int, default=50, help="calls given up one by one, of each kind")
    parser.add_argument("--cancels", type=int, default=10_000, help="calls cancelled by many at once")
    parser.add_argument("--callers", type=int, default=16, help="who cancel at once")
    parser.add_argument("--seed", type=int, default=1)
    options, flags = parser.parse_known_args()
    fine = True
    for name in options.services.split(","):
        kind = WORKLOADS[name]
        with tempfile.TemporaryDirectory() as state:
            service = Service(kind, options, state, flags)
            try:
                fine = measure(service, kind, kind(service.target, state), options) and fine
            finally:
                service.stop()
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
