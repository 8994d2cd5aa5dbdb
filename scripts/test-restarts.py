#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Restarts two replicas of the retrieval service in turn under calls of grpcio's round_robin, which watches no health, and counts the
calls that fail. In clear text, then by TLS.

    scripts/test-restarts.py .build/release --restarts 50
"""
import argparse
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

DIM = 64
ITEMS = 2000
SEARCH = "/illmrec.retrieval.v1.RetrievalService/Search"
CREATE = "/illmrec.retrieval.v1.IndexAdminService/CreateVersion"


# MARK: The few messages that are needed, as the wire has them

def varint(value):
    bytes_ = bytearray()
    while value > 127:
        bytes_.append(value & 127 | 128)
        value >>= 7
    bytes_.append(value)
    return bytes(bytes_)


def field(number, value):
    """An integer, or bytes that are a string or a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def vectors(count):
    """A Tensor of float32."""
    values = struct.pack(f"<{count * DIM}f", *(random.uniform(-1, 1) for _ in range(count * DIM)))
    shape = varint(count) + varint(DIM) if count > 1 else varint(DIM)
    return field(1, 1) + field(2, shape) + field(3, values)


def upload():
    yield field(1, field(3, field(4, b"restarts")) + field(4, DIM))
    yield field(2, b"".join(field(1, f"item-{row}".encode()) for row in range(ITEMS)) + field(2, vectors(ITEMS)))
    yield field(3, field(1, ITEMS))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Replica:
    def __init__(self, program, directory, tls):
        self.port, self.http = free_port(), free_port()
        self.command = [program, "--data", directory, "--port", str(self.port), "--http-port", str(self.http), "--log-level", "warning",
                        "--shutdown-grace", "0", *(tls.server if tls else [])]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command)
        while True:
            if self.process.poll() is not None:
                raise SystemExit(f"{self.command[0]} did not start")
            try:
                if self.get("readyz"):
                    return
            except OSError:
                pass
            time.sleep(0.05)

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/{path}", timeout=30) as answer:
            return answer.read().decode()

    def has_answered(self):
        return any("RetrievalService/Search" in line and line.startswith("illmrec_rpc_requests_total")
                   for line in self.get("metrics").splitlines())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class TLS:
    def __init__(self, directory):
        self.certificate, self.key = f"{directory}/server.pem", f"{directory}/server.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                        "-out", self.certificate, "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
        self.server = ["--tls-certificate", self.certificate, "--tls-key", self.key]

    def credentials(self):
        with open(self.certificate, "rb") as file:
            return grpc.ssl_channel_credentials(file.read())


class Callers:
    """Threads that search one after the other, with no policy for retries but gRPC's own."""

    def __init__(self, channel, count):
        self.search = channel.unary_unary(SEARCH)
        self.ended = threading.Event()
        self.seconds, self.failures = [], []
        self.threads = [threading.Thread(target=self.run) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.ended.is_set():
            request = field(3, field(2, vectors(1)) + field(3, 10))
            begin = time.monotonic()
            try:
                self.search(request, timeout=60)
            except grpc.RpcError as error:
                self.failures.append(f"{error.code().name}: {error.details()}")
            self.seconds.append(time.monotonic() - begin)

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def open_channel(targets, tls, policy):
    options = [("grpc.service_config", '{"loadBalancingConfig":[{"%s":{}}]}' % policy), ("grpc.use_local_subchannel_pool", 1)]
    target = "ipv4:" + ",".join(targets)
    if tls is None:
        return grpc.insecure_channel(target, options)
    return grpc.secure_channel(target, tls.credentials(), options + [("grpc.ssl_target_name_override", "localhost")])


def run(options, directory, tls):
    name = "TLS" if tls else "clear text"
    replicas = [Replica(options.program, f"{directory}/{name[0]}{index}", tls) for index in range(2)]
    targets = [f"127.0.0.1:{replica.port}" for replica in replicas]
    try:
        for target in targets:
            with open_channel([target], tls, "pick_first") as channel:
                channel.stream_unary(CREATE)(upload(), timeout=600)
        with open_channel(targets, tls, "round_robin") as channel:
            callers = Callers(channel, options.callers)
            for restart in range(options.restarts):
                replica = replicas[restart % 2]
                replica.stop()
                replica.start()
                # As a rollout of a cluster does: the next one when this one has taken over.
                while not replica.has_answered():
                    time.sleep(0.1)
                print(f"\r{name}: {restart + 1} restarts, {len(callers.seconds)} calls, {len(callers.failures)} failed", end="",
                      flush=True)
            callers.end()
        print(f", the slowest took {max(callers.seconds):.2f} s", flush=True)
        for failure in callers.failures[:10]:
            print(f"  {failure}")
        return not callers.failures
    finally:
        for replica in replicas:
            replica.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", help="the directory of illmrec-retrieval")
    parser.add_argument("--restarts", type=int, default=50)
    parser.add_argument("--callers", type=int, default=8)
    options = parser.parse_args()
    options.program = f"{options.programs}/illmrec-retrieval"
    with tempfile.TemporaryDirectory() as directory:
        results = [run(options, directory, tls) for tls in (None, TLS(directory))]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
