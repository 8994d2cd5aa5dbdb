#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether the services hold: the whole stack under mixed load, and what each process takes of memory, descriptors and threads.

Callers recommend, search, encode, look up, ask what is refused, give up, come too late and open connections of their own; an operator
publishes, promotes, takes back and deletes versions; a scraper reads metrics. What fails otherwise than it should ends the run with 1, and
so does a process whose memory grows by more than --slope a hour after the first third of the time."""
import argparse
import collections
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import grpc
import numpy as np

from illmrec.encoder.v1 import encoder_pb2, encoder_pb2_grpc
from illmrec.llm.v1 import llm_pb2, llm_pb2_grpc
from illmrec.recommender.v1 import recommender_pb2, recommender_pb2_grpc
from illmrec.retrieval.v1 import index_admin_pb2, index_admin_pb2_grpc, retrieval_pb2, retrieval_pb2_grpc
from shop import picture, tensor, write_catalog

ITEMS = 300
# Seconds between two samples; a short run has as many as one of ten minutes.
SAMPLE_SECONDS = 5
SAMPLES = 120
# What callers who do nothing wrong may see of a service that is busy.
LOAD = {"RESOURCE_EXHAUSTED"}


class Stack:
    def __init__(self, options, directory):
        self.programs, self.directory = options.programs, directory
        endpoints = f"{directory}/endpoints.json"
        environment = os.environ | {"ILLMREC_PREFIX_CACHE_BYTES": str(8 << 20)}
        self.log = open(f"{directory}/log", "w")
        self.process = subprocess.Popen(
            [f"{self.programs}/illmrec", "up", "--checkpoint", options.checkpoint, "--state", f"{directory}/state", "--any-ports",
             "--http-port", "0", "--endpoints-file", endpoints, "--log-level", "warning"], stdout=self.log, stderr=self.log, env=environment)
        while not os.path.exists(endpoints):
            if self.process.poll() is not None:
                raise SystemExit(f"illmrec up ended; its log is {directory}/log")
            time.sleep(0.1)
        with open(endpoints) as file:
            self.targets = json.load(file)
        self.pids = self.children()

    def children(self):
        """By name, this process's services and the gateway."""
        names, pids = {}, []
        # A child is its thread's, and any thread may have started it.
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/children") as file:
                pids += [int(pid) for pid in file.read().split()]
        for pid in pids:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                arguments = file.read().split(b"\0")
            name = os.path.basename(arguments[0].decode())
            names["gateway" if name == "illmrec" else name] = pid
        if len(names) != 4:
            raise SystemExit(f"the services and the gateway are expected, found: {', '.join(names) or 'none'}")
        return names

    def illmrec(self, *arguments):
        done = subprocess.run([f"{self.programs}/illmrec", *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"illmrec {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def services(self):
        return ["--encoder", self.targets["encoder"], "--retrieval", self.targets["retrieval"]]

    def fill(self):
        items = write_catalog(self.directory, ITEMS, "item")
        self.illmrec("catalog", "encode", *items, "--encoder", self.targets["encoder"])
        self.illmrec("index", "publish", "--promote", *self.services())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.log.close()


class Caller(threading.Thread):
    """One after the other, what callers do."""

    def __init__(self, stack, ended, counts, seed):
        super().__init__()
        self.stack, self.ended, self.counts = stack, ended, counts
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.unexpected = []
        self.open()

    def open(self):
        options = [("grpc.use_local_subchannel_pool", 1)]
        self.channels = {name: grpc.insecure_channel(self.stack.targets[name], options)
                         for name in ("gateway", "encoder", "llm", "retrieval")}
        self.gateway = recommender_pb2_grpc.RecommenderServiceStub(self.channels["gateway"])
        self.encoder = encoder_pb2_grpc.EncoderServiceStub(self.channels["encoder"])
        self.llm = llm_pb2_grpc.LLMServiceStub(self.channels["llm"])
        self.retrieval = retrieval_pb2_grpc.RetrievalServiceStub(self.channels["retrieval"])

    def close(self):
        for channel in self.channels.values():
            channel.close()

    def run(self):
        width = self.llm.GetServerInfo(llm_pb2.GetServerInfoRequest()).llm_dim
        dim = self.encoder.GetServerInfo(encoder_pb2.GetServerInfoRequest()).item_vector_dim
        self.token, self.dim = np.zeros(width, "<f4"), dim
        deeds = [(self.recommend, 8), (self.search, 6), (self.users, 4), (self.images, 3), (self.lookup, 4), (self.refused, 3),
                 (self.late, 2), (self.gives_up, 2), (self.stream, 1), (self.connects_anew, 1)]
        names, weights = zip(*deeds)
        while not self.ended.is_set():
            deed = self.random.choices(names, weights)[0]
            try:
                deed()
                self.counts[deed.__name__] += 1
            except grpc.RpcError as error:
                code = error.code().name
                self.counts[f"{deed.__name__}: {code}"] += 1
                if code not in LOAD:
                    self.unexpected.append(f"{deed.__name__}: {code}: {error.details()}")
            time.sleep(self.random.uniform(0, 0.05))
        self.close()

    def item(self):
        return f"item-{self.random.randrange(ITEMS)}"

    def history(self):
        interactions = [recommender_pb2.Interaction(item_id=self.item()) for _ in range(self.random.randint(1, 6))]
        return recommender_pb2.UserHistory(user_id=str(self.random.random()), interactions=interactions)

    def prompt(self):
        items = [llm_pb2.HistoryItem(title=f"Thing {self.random.random()}", soft_token=tensor(self.token))
                 for _ in range(self.random.randint(1, 6))]
        return llm_pb2.UserPrompt(history=llm_pb2.History(items=items))

    def query(self):
        return retrieval_pb2.Query(query_id=str(self.random.random()), k=10, vector=tensor(self.numbers.normal(size=self.dim)))

    def recommend(self):
        answer = self.gateway.Recommend(recommender_pb2.RecommendRequest(users=[self.history(), self.history()], k=5), timeout=60)
        if any(len(result.items) != 5 for result in answer.results):
            self.unexpected.append(f"recommend: {answer}")

    def search(self):
        self.retrieval.Search(retrieval_pb2.SearchRequest(queries=[self.query() for _ in range(4)]), timeout=60)

    def users(self):
        self.llm.EncodeUsers(llm_pb2.EncodeUsersRequest(users=[self.prompt()]), timeout=60)

    def images(self):
        item = encoder_pb2.ImageItem(encoded=picture(self.random.randrange(1 << 40)))
        self.encoder.EncodeImages(encoder_pb2.EncodeImagesRequest(items=[item], outputs=[encoder_pb2.OUTPUT_SOFT_TOKEN]), timeout=60)

    def lookup(self):
        ids = [self.item() for _ in range(10)] + ["none"]
        self.encoder.LookupItems(encoder_pb2.LookupItemsRequest(item_ids=ids), timeout=60)
        self.retrieval.GetItems(retrieval_pb2.GetItemsRequest(item_ids=ids), timeout=60)

    def refused(self):
        wrong = [
            lambda: self.retrieval.Search(retrieval_pb2.SearchRequest(), timeout=60),
            lambda: self.gateway.Recommend(recommender_pb2.RecommendRequest(), timeout=60),
            lambda: self.encoder.LookupItems(encoder_pb2.LookupItemsRequest(), timeout=60),
            lambda: self.channels["llm"].unary_unary("/illmrec.llm.v1.LLMService/EncodeUsers")(b"\xff" * 100, timeout=60),
            lambda: self.channels["llm"].unary_unary("/nobody/Nothing")(b"", timeout=60),
        ]
        try:
            self.random.choice(wrong)()
        except grpc.RpcError as error:
            if error.code().name not in ("INVALID_ARGUMENT", "UNIMPLEMENTED", "INTERNAL", "FAILED_PRECONDITION"):
                raise
            return
        self.unexpected.append("what should be refused was answered")

    def late(self):
        request = llm_pb2.EncodeUsersRequest(users=[self.prompt() for _ in range(8)])
        try:
            self.llm.EncodeUsers(request, timeout=self.random.uniform(0.0005, 0.02))
        except grpc.RpcError as error:
            if error.code().name not in ("DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"):
                raise

    def gives_up(self):
        call = self.gateway.Recommend.future(recommender_pb2.RecommendRequest(users=[self.history()]), timeout=60)
        time.sleep(self.random.uniform(0, 0.02))
        call.cancel()

    def stream(self):
        def messages():
            yield retrieval_pb2.StreamSearchRequest(config={})
            for _ in range(20):
                yield retrieval_pb2.StreamSearchRequest(query=self.query())
        # What serves, then one for each query.
        if len(list(self.retrieval.StreamSearch(messages(), timeout=60))) != 21:
            self.unexpected.append("stream: answers are missing")

    def connects_anew(self):
        self.close()
        self.open()


class Operator(threading.Thread):
    """Publishes, promotes, takes back, deletes."""

    def __init__(self, stack, ended, counts):
        super().__init__()
        self.stack, self.ended, self.counts = stack, ended, counts
        self.unexpected = []

    def run(self):
        retrieval = ["--retrieval", self.stack.targets["retrieval"]]
        with grpc.insecure_channel(self.stack.targets["retrieval"]) as channel:
            admin = index_admin_pb2_grpc.IndexAdminServiceStub(channel)
            while not self.ended.wait(5):
                try:
                    self.stack.illmrec("index", "publish", "--promote", *self.stack.services())
                    self.stack.illmrec("index", "rollback", *retrieval)
                    for version in admin.ListVersions(index_admin_pb2.ListVersionsRequest(index="default")).versions:
                        if not version.roles:
                            admin.DeleteVersion(index_admin_pb2.DeleteVersionRequest(name=version.name))
                    self.counts["publish, promote, roll back, delete"] += 1
                except (RuntimeError, grpc.RpcError) as error:
                    self.unexpected.append(str(error))


class Sampler(threading.Thread):
    def __init__(self, stack, ended, minutes):
        super().__init__()
        self.stack, self.ended = stack, ended
        self.pause = min(SAMPLE_SECONDS, minutes * 60 / SAMPLES)
        self.samples = {name: [] for name in stack.pids}

    def run(self):
        begin = time.monotonic()
        while not self.ended.wait(self.pause):
            for name, pid in self.stack.pids.items():
                with open(f"/proc/{pid}/status") as file:
                    status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
                self.samples[name].append((time.monotonic() - begin, int(status["RssAnon"].split()[0]) / 1000,
                                           len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"])))


def slope(samples):
    """Megabytes an hour, by Theil and Sen: the median over pairs, which a few odd samples do not move."""
    times, memory = np.array([sample[0] for sample in samples]), np.array([sample[1] for sample in samples])
    first, second = np.triu_indices(len(samples), 1)
    return float(np.median((memory[second] - memory[first]) / (times[second] - times[first])) * 3600)


def report(sampler, options):
    fine = True
    print("\n| process | memory in MB: after the first third, at the end, at most | MB an hour | descriptors | threads |\n"
          "| --- | --- | --- | --- | --- |")
    for name, samples in sampler.samples.items():
        later = samples[len(samples) // 3:]
        growth = slope(later)
        third = max(len(later) // 10, 1)
        ends = [max(sample[kind] for sample in part) for kind in (2, 3) for part in (later[:len(later) // 2], later[len(later) // 2:])]
        print(f"| {name} | {np.median([s[1] for s in later[:third]]):.1f}, {np.median([s[1] for s in later[-third:]]):.1f}, "
              f"{max(s[1] for s in samples):.1f} | {growth:+.2f} | {ends[0]}, {ends[1]} | {ends[2]}, {ends[3]} |")
        fine = fine and growth <= options.slope
    return fine


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--callers", type=int, default=6)
    parser.add_argument("--slope", type=float, default=1, help="most growth, in megabytes an hour")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        stack = Stack(options, directory)
        try:
            stack.fill()
            fine = load(stack, options)
        finally:
            stack.stop()
        with open(f"{directory}/log") as file:
            errors = [line for line in file if " ERROR " in line or " CRITICAL " in line or "Fatal" in line]
        for line in errors[:10]:
            print(line.rstrip())
    sys.exit(0 if fine and not errors else 1)


def load(stack, options):
    ended, counts = threading.Event(), collections.Counter()
    sampler, operator = Sampler(stack, ended, options.minutes), Operator(stack, ended, counts)
    callers = [Caller(stack, ended, counts, seed) for seed in range(options.callers)]
    workers = [sampler, operator, *callers]
    for worker in workers:
        worker.start()
    begin = time.monotonic()
    while time.monotonic() - begin < options.minutes * 60 and stack.process.poll() is None:
        time.sleep(1)
        left = options.minutes * 60 - (time.monotonic() - begin)
        print(f"\r{sum(counts.values())} calls, {max(left, 0):.0f} s to go   ", end="", flush=True)
    ended.set()
    for worker in workers:
        worker.join()
    print()
    for name, count in sorted(counts.items()):
        print(f"  {name}: {count}")
    unexpected = [text for worker in [operator, *callers] for text in worker.unexpected]
    for text in unexpected[:10]:
        print(f"  unexpected: {text}")
    return report(sampler, options) and not unexpected and stack.process.poll() is None


if __name__ == "__main__":
    main()
