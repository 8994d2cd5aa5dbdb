#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What each service does with more calls than it can compute, over loopback.

First the capacity: callers who wait for their answers before they call again, as many as the service answers without refusals. Then as
many calls a second as several times that, whether or not the former are answered; each has a deadline. Beside both, health checks and
GetServerInfo, ten times a second."""
import argparse
import asyncio
import itertools
import os
import signal
import subprocess
import tempfile
import time

import grpc

from workloads import WORKLOADS

HEALTH = "/grpc.health.v1.Health/Check"


class Server:
    """A service, started as a user would."""

    def __init__(self, program, flags):
        self.directory = tempfile.TemporaryDirectory()
        port_file = f"{self.directory.name}/port"
        self.log = open(f"{self.directory.name}/log", "w+")
        self.process = subprocess.Popen(
            [program, "--port", "0", "--port-file", port_file, "--log-level", "warning", *flags],
            stdout=self.log, stderr=subprocess.STDOUT)
        while not os.path.exists(port_file):
            if self.process.poll() is not None:
                self.log.seek(0)
                raise SystemExit(f"{program} did not start:\n{self.log.read()}")
            time.sleep(0.05)
        with open(port_file) as file:
            self.target = f"127.0.0.1:{file.read().strip()}"

    def memory(self, field):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.log.close()
        self.directory.cleanup()


class Calls:
    """How calls ended, and after how many seconds, by their code; OK is 0."""

    def __init__(self):
        self.seconds = {}

    def add(self, code, seconds):
        self.seconds.setdefault(code, []).append(seconds)

    def count(self, *codes):
        return sum(len(self.seconds.get(code, [])) for code in codes)

    def quantile(self, share, code="OK"):
        values = sorted(self.seconds.get(code, []))
        return values[min(int(share * len(values)), len(values) - 1)] if values else float("nan")

    @property
    def total(self):
        return sum(map(len, self.seconds.values()))


async def timed(calls, call):
    """Whether it was answered."""
    begin = time.perf_counter()
    try:
        await call
        code = "OK"
    except grpc.aio.AioRpcError as error:
        code = error.code().name
    calls.add(code, time.perf_counter() - begin)
    return code == "OK"


class Load:
    def __init__(self, workload, channel, beside, options):
        self.workload = workload
        self.call = workload.method(channel)
        self.info, self.info_request = workload.info(beside)
        # The messages are empty: the whole server, and its answer is not looked at.
        self.check = beside.unary_unary(HEALTH, request_serializer=bytes, response_deserializer=bytes)
        self.options = options

    async def watch(self, health):
        while True:
            await timed(health, self.check(b"", timeout=60))
            await timed(health, self.info(self.info_request, timeout=60))
            await asyncio.sleep(0.1)

    async def closed(self, callers, seconds):
        """Each caller waits for its answer, and a while where it is refused."""
        calls, end = Calls(), time.perf_counter() + seconds

        async def caller():
            while time.perf_counter() < end:
                if not await timed(calls, self.call(self.workload.request(), timeout=600)):
                    await asyncio.sleep(0.25)

        begin = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(callers)))
        return calls, time.perf_counter() - begin

    async def open(self, rate, seconds):
        """Nobody waits for anybody."""
        calls, begin, sent = Calls(), time.perf_counter(), []
        for index in itertools.count():
            moment = index / rate
            if moment >= seconds:
                break
            await asyncio.sleep(max(0, begin + moment - time.perf_counter()))
            sent.append(asyncio.create_task(timed(calls, self.call(self.workload.request(), timeout=self.options.deadline))))
        await asyncio.gather(*sent)
        return calls, time.perf_counter() - begin

    async def observed(self, run):
        health = Calls()
        watcher = asyncio.create_task(self.watch(health))
        calls, seconds = await run
        watcher.cancel()
        return calls, health, seconds


def row(name, *cells):
    print("| " + " | ".join([name, *cells]) + " |")


def milliseconds(seconds):
    return f"{1000 * seconds:.0f} ms"


def report(options, capacity, overload, memory):
    (calm, calm_health, calm_seconds), (busy, busy_health, busy_seconds) = capacity, overload
    rate, goodput = calm.count("OK") / calm_seconds, busy.count("OK") / busy_seconds
    print()
    row("", "at capacity", f"at {options.load:g} times the capacity")
    row("---", "---", "---")
    row("calls", str(calm.total), str(busy.total))
    row("answered a second", f"{rate:.1f}", f"{goodput:.1f} ({100 * goodput / rate:.0f} % of the capacity)")
    row("p50 of the answered", milliseconds(calm.quantile(0.5)), milliseconds(busy.quantile(0.5)))
    row("p99 of the answered", milliseconds(calm.quantile(0.99)), milliseconds(busy.quantile(0.99)))
    row("answered", *(f"{100 * each.count('OK') / each.total:.1f} %" for each in (calm, busy)))
    row("refused", *(f"{100 * each.count('RESOURCE_EXHAUSTED') / each.total:.1f} %" for each in (calm, busy)))
    row("past the deadline", *(f"{100 * each.count('DEADLINE_EXCEEDED') / each.total:.1f} %" for each in (calm, busy)))
    row("failed otherwise", *(str(each.total - each.count("OK", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"))
                              for each in (calm, busy)))
    row("99 % of the refusals within", "", milliseconds(busy.quantile(0.99, "RESOURCE_EXHAUSTED")))
    row("p50 of health and info", *(milliseconds(each.quantile(0.5)) for each in (calm_health, busy_health)))
    row("p99 of health and info", *(milliseconds(each.quantile(0.99)) for each in (calm_health, busy_health)))
    row("resident memory", *(f"{count / 1e6:.0f} MB" for count in memory))


async def measure(server, workload, options):
    # Health has a connection of its own, as a prober has.
    separate = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(server.target, options=separate) as channel, \
            grpc.aio.insecure_channel(server.target, options=separate) as beside:
        load = Load(workload, channel, beside, options)
        await load.closed(options.callers, min(options.seconds, 3))
        capacity = await load.observed(load.closed(options.callers, options.seconds))
        memory = [server.memory("VmRSS")]
        rate = options.load * capacity[0].count("OK") / capacity[2]
        overload = await load.observed(load.open(rate, options.seconds))
        memory.append(server.memory("VmRSS"))
        report(options, capacity, overload, memory)


def run(kind, options, flags):
    with tempfile.TemporaryDirectory() as state:
        server = Server(f"{options.programs}/{kind.program}", kind.flags(options.checkpoint, state) + flags)
        try:
            print(f"\n## {kind.program}: {kind.description}\n\n{os.cpu_count()} processors, deadline {options.deadline:g} s, "
                  f"{options.seconds:g} s each, {options.callers} callers at capacity")
            asyncio.run(measure(server, kind(server.target, state), options))
        finally:
            server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True, help="the directory of the services' programs")
    parser.add_argument("--checkpoint", required=True, help="of the encoder and the LLM")
    parser.add_argument("--services", default=",".join(WORKLOADS), help="which are measured, separated by commas")
    parser.add_argument("--seconds", type=float, default=20, help="of each of the two measurements")
    parser.add_argument("--load", type=float, default=5, help="times the capacity")
    parser.add_argument("--deadline", type=float, default=10, help="of each call under overload, in seconds")
    parser.add_argument("--callers", type=int, default=16, help="who wait for their answers, when the capacity is measured")
    options, flags = parser.parse_known_args()
    for name in options.services.split(","):
        run(WORKLOADS[name], options, flags)


if __name__ == "__main__":
    main()
