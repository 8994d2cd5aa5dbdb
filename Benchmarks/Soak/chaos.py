#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether anything is lost or wrong while services are killed, stopped, starved of disk, shown a disk that fails and wrong clocks, all by
a seed.

A writer stores items, publishes, promotes and deletes versions, and remembers what was acknowledged; what was not, it asks for again under
the same idempotency key. Readers search versions whose answers they know, and ask for recommendations that must never change. An
answer may be refused or missing while something is broken; it may never be another one. At the end, and after one more restart, all that
was acknowledged must be there.

Full disks need root, for a small file system in memory; without it they are left out, which is said."""
import argparse
import collections
import errno
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import grpc
import numpy as np

from illmrec.common.v1 import common_pb2
from illmrec.encoder.v1 import encoder_pb2, encoder_pb2_grpc
from illmrec.recommender.v1 import recommender_pb2, recommender_pb2_grpc
from illmrec.retrieval.v1 import index_admin_pb2, index_admin_pb2_grpc, retrieval_pb2, retrieval_pb2_grpc
from shop import picture, tensor, write_catalog

INDEX = "chaos"
DIM, ITEMS_OF_A_VERSION = 32, 400
CATALOG = 60
DISK_BYTES = 96 << 20
# What callers see of what is broken.
BROKEN = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "CANCELLED", "ABORTED"}
# The reason that a failing disk has, of the status INTERNAL; no other INTERNAL may be.
DISK_REASON = "STORAGE_FAILED"


def is_expected(error):
    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    return error.code().name in BROKEN or (error.code().name == "INTERNAL" and DISK_REASON.encode() in details)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """A process that is started again as often as it is killed."""

    def __init__(self, name, command, log, environment):
        self.name, self.log, self.environment = name, log, environment
        self.port, self.http = free_port(), free_port()
        self.command = command + ["--port", str(self.port), "--http-port", str(self.http), "--log-level", "warning",
                                  "--shutdown-grace", "0"]
        self.target = f"127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log, env=os.environ | self.environment)

    def wait(self, seconds=600):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                # It found its disk full, or the one before has not let go of it yet.
                time.sleep(0.2)
                self.start()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/readyz", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"{self.name} is not ready after {seconds} s")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def preloaded(name, directory):
    """The library that is made of a source beside this file."""
    library, source = f"{directory}/{name}.so", os.path.join(os.path.dirname(__file__), f"{name}.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], check=True)
    return library


class Clock:
    """The system's wall clock as the services see it, while time goes on as it does."""

    def __init__(self, directory):
        self.file, self.library = f"{directory}/clock", preloaded("wrong_clock", directory)
        self.set(0)
        self.environment = {"WRONG_CLOCK_FILE": self.file}

    def set(self, seconds):
        write_in_place(self.file, struct.pack("<q", seconds))


def write_in_place(path, content):
    """The services have the file mapped."""
    with open(path, "r+b" if os.path.exists(path) else "wb") as file:
        file.write(content)


class Disk:
    """A file system of its own, so that it can be full."""

    def __init__(self, path):
        self.path = path
        os.mkdir(path)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", path], capture_output=True)
        self.can_fill = mounted.returncode == 0
        self.faults, self.library = f"{path}-faults", preloaded("broken_disk", os.path.dirname(path))
        self.repair()
        self.environment = {"BROKEN_DISK_FILE": self.faults, "BROKEN_DISK_PATH": path}

    def break_(self, one_in, error, cuts_writes):
        write_in_place(self.faults, struct.pack("<qqq", one_in, error, cuts_writes))

    def repair(self):
        self.break_(0, 0, False)

    def fill(self):
        block = b"\0" * (1 << 20)
        with open(f"{self.path}/ballast", "wb", buffering=0) as file:
            while block:
                try:
                    file.write(block)
                except OSError:
                    block = block[:len(block) // 2]

    def free(self):
        os.unlink(f"{self.path}/ballast")

    def unmount(self):
        if self.can_fill:
            subprocess.run(["umount", self.path])


class World:
    """The services, and what has been acknowledged."""

    def __init__(self, options, directory):
        self.clock, self.disk = Clock(directory), Disk(f"{directory}/disk")
        self.log = open(f"{directory}/log", "w")
        state, programs = self.disk.path, options.programs
        model = ["--checkpoint", options.checkpoint]

        environment = self.clock.environment | self.disk.environment | {"LD_PRELOAD": f"{self.clock.library}:{self.disk.library}"}

        def service(name, command):
            return Service(name, command, self.log, environment)

        self.retrieval = service("retrieval", [f"{programs}/illmrec-retrieval", "--data", f"{state}/index"])
        self.encoder = service("encoder", [f"{programs}/illmrec-encoder", *model, "--store", f"{state}/items.sqlite", "--retrieval",
                                           self.retrieval.target])
        self.llm = service("llm", [f"{programs}/illmrec-llm", *model, "--retrieval", self.retrieval.target])
        self.gateway = service("gateway", [f"{programs}/illmrec", "gateway", "--encoder", self.encoder.target, "--llm", self.llm.target,
                                           "--retrieval", self.retrieval.target])
        self.services = [self.retrieval, self.encoder, self.llm, self.gateway]
        self.lock = threading.Lock()
        self.items, self.versions, self.stable, self.possible = {}, {}, None, set()
        self.wrong, self.counts = [], collections.Counter()
        self.ended = threading.Event()

    def start(self):
        for each in self.services:
            each.start()
        for each in self.services:
            each.wait()

    def say_wrong(self, text):
        with self.lock:
            self.wrong.append(text)

    def count(self, what):
        with self.lock:
            self.counts[what] += 1


class Client:
    def __init__(self, world):
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 500), ("grpc.initial_reconnect_backoff_ms", 100)]
        self.channels = [grpc.insecure_channel(each.target, options) for each in (world.encoder, world.retrieval, world.gateway)]
        self.encoder = encoder_pb2_grpc.EncoderServiceStub(self.channels[0])
        self.retrieval = retrieval_pb2_grpc.RetrievalServiceStub(self.channels[1])
        self.admin = index_admin_pb2_grpc.IndexAdminServiceStub(self.channels[1])
        self.gateway = recommender_pb2_grpc.RecommenderServiceStub(self.channels[2])


class Version:
    def __init__(self, seed):
        random_ = np.random.default_rng(seed)
        self.vectors = random_.normal(size=(ITEMS_OF_A_VERSION, DIM)).astype("<f4")
        self.ids = [f"{seed}-{row}" for row in range(ITEMS_OF_A_VERSION)]

    def upload(self, request_id):
        request = index_admin_pb2.CreateVersionRequest
        yield request(header=dict(index=INDEX, request_id=request_id, dim=DIM, built_by=common_pb2.ModelRef(space_fingerprint="chaos")))
        yield request(chunk=dict(item_ids=self.ids, vectors=tensor(self.vectors)))
        yield request(commit=dict(item_count=len(self.ids)))

    def expects(self, query, found):
        """Whether the items are the best ones, by scores that may differ in their last digits."""
        scores = self.vectors @ query
        best = np.sort(scores)[::-1][:len(found)]
        places = {name: row for row, name in enumerate(self.ids)}
        return len(found) == 10 and all(
            item.item_id in places and abs(scores[places[item.item_id]] - item.score) < 1e-3 and abs(item.score - expected) < 1e-3
            for item, expected in zip(found, best))


class Writer(threading.Thread):
    def __init__(self, world, seed):
        super().__init__()
        self.world, self.client, self.random = world, Client(world), random.Random(f"writer {seed}")
        self.made = 0

    def run(self):
        while not self.world.ended.is_set():
            deed = self.random.choices([self.store, self.publish, self.promote, self.delete], [4, 2, 2, 1])[0]
            deed()
            time.sleep(self.random.uniform(0, 0.1))

    def until_acknowledged(self, what, call):
        """None when the run ends before; the outcome of what was asked for last is not known then."""
        while True:
            try:
                answer = call()
                self.world.count(what)
                return answer
            except grpc.RpcError as error:
                code = error.code().name
                self.world.count(f"{what}: {code}")
                if not is_expected(error):
                    self.world.say_wrong(f"{what}: {code}: {error.details()}")
                    return None
                if self.world.ended.is_set():
                    return None
                time.sleep(0.1)

    def store(self):
        self.made += 1
        names = {f"item-{self.made}-{place}": f"Thing {self.random.random()}" for place in range(3)}
        items = [encoder_pb2.ImageItem(item_id=name, metadata=encoder_pb2.ItemMetadata(title=title), encoded=picture(hash(title) & 0xffff))
                 for name, title in names.items()]
        request = encoder_pb2.EncodeImagesRequest(items=items, store=True)

        def call():
            answer = self.client.encoder.EncodeImages(request, timeout=30)
            for result in answer.results:
                if result.HasField("error"):
                    raise Refused(result.error)
            return answer

        if self.until_acknowledged("store", call):
            with self.world.lock:
                self.world.items |= names

    def publish(self):
        self.made += 1
        version, key = Version(self.random.randrange(1 << 30)), f"publish-{self.made}"
        answer = self.until_acknowledged("publish", lambda: self.client.admin.CreateVersion(version.upload(key), timeout=30))
        if answer:
            with self.world.lock:
                self.world.versions[answer.version.name] = version
                self.world.stable = self.world.stable or answer.version.name

    def promote(self):
        with self.world.lock:
            if not self.world.versions:
                return
            name = self.random.choice(sorted(self.world.versions))
            self.world.possible = {self.world.stable, name}
        self.made += 1
        request = index_admin_pb2.PromoteVersionRequest(version=name, change=dict(request_id=f"promote-{self.made}", actor="chaos"))
        if self.until_acknowledged("promote", lambda: self.client.admin.PromoteVersion(request, timeout=30)):
            with self.world.lock:
                self.world.stable = name

    def delete(self):
        with self.world.lock:
            if not self.world.versions:
                return
        state = self.until_acknowledged(
            "state", lambda: self.client.admin.GetServingState(index_admin_pb2.GetServingStateRequest(index=INDEX), timeout=30))
        if not state:
            return
        serving = state.serving_state
        with self.world.lock:
            idle = sorted(set(self.world.versions) - {serving.stable_version, serving.previous_stable_version, self.world.stable})
            if len(idle) < 4:
                return
            name = self.random.choice(idle)
            del self.world.versions[name]
        self.made += 1
        request = index_admin_pb2.DeleteVersionRequest(name=name, change=dict(request_id=f"delete-{self.made}"))
        self.until_acknowledged("delete", lambda: self.client.admin.DeleteVersion(request, timeout=30))


class Refused(grpc.RpcError):
    """An error within an answer."""

    def __init__(self, status):
        self.status = status

    def code(self):
        return next(code for code in grpc.StatusCode if code.value[0] == self.status.code)

    def details(self):
        return self.status.message

    def trailing_metadata(self):
        return [("grpc-status-details-bin", self.status.reason.encode())]


class Reader(threading.Thread):
    def __init__(self, world, seed, reference):
        super().__init__()
        self.world, self.client, self.random = world, Client(world), random.Random(f"reader {seed}")
        self.numbers, self.reference = np.random.default_rng(seed), reference

    def run(self):
        while not self.world.ended.is_set():
            deed = self.random.choice([self.pinned, self.served, self.recommend])
            try:
                deed()
                self.world.count(deed.__name__)
            except grpc.RpcError as error:
                code = error.code().name
                self.world.count(f"{deed.__name__}: {code}")
                if not is_expected(error):
                    self.world.say_wrong(f"{deed.__name__}: {code}: {error.details()}")
            time.sleep(self.random.uniform(0, 0.05))

    def search(self, **target):
        query = self.numbers.normal(size=DIM).astype("<f4")
        request = retrieval_pb2.SearchRequest(target=target, queries=[retrieval_pb2.Query(k=10, vector=tensor(query))])
        answer = self.client.retrieval.Search(request, timeout=10)
        if answer.results[0].HasField("error"):
            raise Refused(answer.results[0].error)
        return query, answer.served_by.version, answer.results[0].items

    def pinned(self):
        with self.world.lock:
            if not self.world.versions:
                return
            name, version = self.random.choice(sorted(self.world.versions.items(), key=lambda pair: pair[0]))
        try:
            query, answered, found = self.search(version=name)
        except grpc.RpcError as error:
            with self.world.lock:
                was_deleted = name not in self.world.versions
            if error.code().name == "NOT_FOUND" and was_deleted:
                return
            raise
        if answered != name or not version.expects(query, found):
            self.world.say_wrong(f"a search of {name} was answered by {answered} with {[item.item_id for item in found]}")

    def served(self):
        with self.world.lock:
            if not self.world.stable:
                return
            before = {self.world.stable} | self.world.possible
        query, answered, found = self.search(index=INDEX)
        with self.world.lock:
            possible = before | {self.world.stable} | self.world.possible
            version = self.world.versions.get(answered)
        if answered not in possible:
            self.world.say_wrong(f"{answered} answers, and what serves is one of {sorted(possible)}")
        elif version and not version.expects(query, found):
            self.world.say_wrong(f"a search was answered by {answered} with {[item.item_id for item in found]}")

    def recommend(self):
        user = self.random.randrange(len(self.reference))
        if recommend(self.client, user) != self.reference[user]:
            self.world.say_wrong(f"user {user} was recommended something else")


def recommend(client, user):
    interactions = [recommender_pb2.Interaction(item_id=f"shop-{(user * 7 + step * 5) % CATALOG}") for step in range(1 + user % 4)]
    request = recommender_pb2.RecommendRequest(
        users=[recommender_pb2.UserHistory(user_id=f"user-{user}", interactions=interactions)], k=5, target=dict(index="default"))
    result = client.gateway.Recommend(request, timeout=20).results[0]
    if result.HasField("error"):
        raise Refused(result.error)
    return [(item.item_id, item.score) for item in result.items]


class Chaos(threading.Thread):
    def __init__(self, world, seed):
        super().__init__()
        self.world, self.random = world, random.Random(f"chaos {seed}")

    def run(self):
        events = [self.kill, self.stall, self.jump]
        if self.world.disk.can_fill:
            events += [self.fill, self.break_disk]
        while not self.world.ended.wait(self.random.uniform(0.5, 4)):
            event = self.random.choice(events)
            event()
            self.world.count(f"event: {event.__name__}")

    def kill(self):
        service = self.random.choice(self.world.services)
        service.kill()
        time.sleep(self.random.uniform(0, 2))
        service.start()
        service.wait()

    def stall(self):
        service = self.random.choice(self.world.services)
        service.process.send_signal(signal.SIGSTOP)
        time.sleep(self.random.uniform(0.1, 4))
        service.process.send_signal(signal.SIGCONT)

    def fill(self):
        self.world.disk.fill()
        time.sleep(self.random.uniform(0.5, 4))
        if self.random.random() < 0.3:
            self.random.choice([self.world.encoder, self.world.retrieval]).kill()
        self.world.disk.free()
        for service in (self.world.encoder, self.world.retrieval):
            if service.process.poll() is not None:
                service.start()
            service.wait()

    def break_disk(self):
        """Some calls of the disk fail for a while. What the services did not notice so, they must not have lost: one is killed."""
        self.world.disk.break_(self.random.choice([2, 10, 100]), self.random.choice([errno.EIO, errno.ENOSPC]), self.random.random() < 0.5)
        time.sleep(self.random.uniform(0.5, 4))
        service = self.random.choice([self.world.encoder, self.world.retrieval])
        service.kill()
        self.world.disk.repair()
        service.start()
        for service in (self.world.encoder, self.world.retrieval):
            service.wait()

    def jump(self):
        self.world.clock.set(self.random.choice([-86_400, -7_200, -60, 60, 7_200, 86_400, 0]))


def fill_shop(world, options, directory):
    items = write_catalog(directory, CATALOG, "shop")
    for command in (["catalog", "encode", *items],
                    ["index", "publish", "--promote", "--retrieval", world.retrieval.target]):
        subprocess.run([f"{options.programs}/illmrec", *command, "--encoder", world.encoder.target], check=True, capture_output=True)


def check(world, client, reference, when):
    """Everything that was acknowledged, asked for once more."""
    names = sorted(world.items)
    for first in range(0, len(names), 100):
        portion = names[first:first + 100]
        answer = client.encoder.LookupItems(encoder_pb2.LookupItemsRequest(item_ids=portion, draft=True), timeout=60)
        for name, item in zip(portion, answer.items):
            if item.result.HasField("error") or item.metadata.title != world.items[name]:
                world.say_wrong(f"{when}: {name} is lost: {item.result.error.message}")
    listed, token = {}, ""
    while True:
        answer = client.admin.ListVersions(index_admin_pb2.ListVersionsRequest(index=INDEX, page_token=token), timeout=60)
        listed |= {version.name: version for version in answer.versions}
        token = answer.next_page_token
        if not token:
            break
    for name in world.versions:
        if name not in listed:
            world.say_wrong(f"{when}: {name} is lost")
        else:
            client.admin.VerifyVersion(index_admin_pb2.VerifyVersionRequest(name=name), timeout=60)
    for user, expected in enumerate(reference):
        if recommend(client, user) != expected:
            world.say_wrong(f"{when}: user {user} is recommended something else")
    print(f"{when}: {len(names)} items, {len(world.versions)} versions and {len(reference)} recommendations are there")


def restart(world):
    world.clock.set(0)
    for service in world.services:
        service.process.send_signal(signal.SIGCONT)
        service.stop()
        service.start()
    for service in world.services:
        service.wait()


def tell(wrong):
    for text in wrong[:20]:
        print(f"WRONG: {text}", flush=True)
    return len(wrong)


def run(world, options, directory):
    world.start()
    fill_shop(world, options, directory)
    client = Client(world)
    # The encoder learns within seconds which snapshot serves.
    end = time.monotonic() + 60
    while True:
        try:
            reference = [recommend(client, user) for user in range(20)]
            break
        except grpc.RpcError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)
    workers = [Writer(world, options.seed), *(Reader(world, options.seed + number, reference) for number in range(3)),
               Chaos(world, options.seed)]
    for worker in workers:
        worker.start()
    begin = time.monotonic()
    while time.monotonic() - begin < options.minutes * 60 and not world.wrong:
        time.sleep(1)
        print(f"\r{options.minutes * 60 - (time.monotonic() - begin):.0f} s to go, {len(world.items)} items and {len(world.versions)} "
              f"versions acknowledged   ", end="", flush=True)
    world.ended.set()
    for worker in workers:
        worker.join()
    print()
    # What went wrong before is told whatever becomes of the last check.
    told = tell(world.wrong)
    restart(world)
    check(world, Client(world), reference, "after a restart")
    for name, count in sorted(world.counts.items()):
        print(f"  {name}: {count}")
    tell(world.wrong[told:])
    return not world.wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep-log", help="where to copy the services' log")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory() as directory:
        world = World(options, directory)
        if not world.disk.can_fill:
            print("The disk is never full: that needs root and mount.")
        try:
            fine = run(world, options, directory)
        finally:
            for service in world.services:
                if service.process:
                    service.process.send_signal(signal.SIGCONT)
                    service.kill()
            world.log.close()
            world.disk.unmount()
            if options.keep_log:
                os.replace(f"{directory}/log", options.keep_log)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
