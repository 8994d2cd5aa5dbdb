#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attacks a retrieval service on loopback, the way a stranger could, and checks what others notice of it.

    scripts/test-attacks.py [--service .build/debug/illmrec-retrieval] [--only NAME ...] [--report] [--front nginx] [-- SERVICE FLAGS]

Each attack meets a service of its own. The attacker comes from 127.0.0.2, its bytes, connections and seconds are bounded, and everybody
else from 127.0.0.1. A row says what the attack took of memory above rest, how long others' calls took (the 99th of a hundred, against
before), and how long after the attack a new connection is served. --report prints and never fails. --front puts nginx in front, as
docs/security.md has it, and counts its memory too.
"""
import argparse
import os
import resource
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

ATTACKER, OTHERS = "127.0.0.2", "127.0.0.1"
MEMORY_ABOVE_REST = 512 << 20
LATENCY_FACTOR = 5
# Below this, the ratio of two latencies says more of the machine's scheduler than of the service.
LATENCY_FLOOR_SECONDS = 0.250
ACCEPTS_AGAIN_SECONDS = 1.0

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE = 4


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def integer(value, bits):
    """HPACK's integers (RFC 7541, 5.1); the bits before the prefix are zero."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([value])
    out, value = [limit], value - limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out + [value])


def header(name, value):
    """A literal without indexing and without Huffman's code."""
    return b"\x00" + integer(len(name), 7) + name + integer(len(value), 7) + value


def request(path, *more):
    fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"attack"),
              (b"te", b"trailers"), (b"content-type", b"application/grpc")]
    return b"".join(header(*field) for field in fields + list(more))


HEALTH = b"/grpc.health.v1.Health/Check"
WATCH = b"/grpc.health.v1.Health/Watch"
SEARCH = b"/illmrec.retrieval.v1.RetrievalService/Search"


class Peer:
    """One HTTP/2 connection, with as much of the protocol as the attacks need."""

    def __init__(self, port, source=OTHERS, speaks=True, timeout=10):
        self.socket = socket.create_connection((OTHERS, port), timeout=timeout, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer, self.stream = b"", 1
        #: Bytes that may be sent: on the connection under 0, on a stream under its number.
        self.windows, self.first_window = {0: 65535}, 65535
        if speaks:
            self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0))

    def begin(self, path, *more, message=b"\0\0\0\0\0", ends=True):
        stream, self.stream = self.stream, self.stream + 2
        self.windows[stream] = self.first_window
        self.socket.sendall(frame(HEADERS, END_HEADERS, stream, request(path, *more)))
        while message:
            room = min(self.windows[0], self.windows[stream], 16384)
            if room <= 0:
                self.take_frame()
                continue
            part, message = message[:room], message[room:]
            self.windows[0] -= len(part)
            self.windows[stream] -= len(part)
            self.socket.sendall(frame(DATA, END_STREAM if ends and not message else 0, stream, part))
        return stream

    def next_frame(self):
        while True:
            if len(self.buffer) >= 9:
                length = int.from_bytes(self.buffer[:3], "big")
                if len(self.buffer) >= 9 + length:
                    kind, flags, stream = struct.unpack(">BBI", self.buffer[3:9])
                    payload, self.buffer = self.buffer[9:9 + length], self.buffer[9 + length:]
                    return kind, flags, stream, payload
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionError("the service closed the connection")
            self.buffer += part

    def take_frame(self):
        """The next frame, after what the protocol asks for has been done."""
        kind, flags, stream, payload = self.next_frame()
        if kind == SETTINGS and not flags & ACK:
            for start in range(0, len(payload), 6):
                name, value = struct.unpack(">HI", payload[start:start + 6])
                if name == INITIAL_WINDOW_SIZE:
                    for number in self.windows:
                        self.windows[number] += value - self.first_window if number else 0
                    self.first_window = value
            self.socket.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.socket.sendall(frame(PING, ACK, 0, payload))
        elif kind == WINDOW_UPDATE and stream in self.windows:
            self.windows[stream] += int.from_bytes(payload, "big")
        elif kind == GOAWAY:
            raise ConnectionError(f"GOAWAY {payload[8:].decode()}")
        return kind, flags, stream, payload

    def await_end(self, stream):
        """The call's message; None when it ended without one."""
        message = None
        while True:
            kind, flags, of, payload = self.take_frame()
            if of == stream:
                if kind == DATA and payload:
                    message = payload
                if kind == RST_STREAM or flags & END_STREAM and kind in (DATA, HEADERS):
                    return message

    def check(self):
        """Asks for the service's health; the seconds it took."""
        start = time.monotonic()
        if self.await_end(self.begin(HEALTH)) != b"\0\0\0\0\x02\x08\x01":
            raise ConnectionError("the service does not say that it serves")
        return time.monotonic() - start

    def close(self):
        self.socket.close()


FRONT = """
daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/nginx.log; worker_rlimit_nofile 4096;
events {{ worker_connections 2048; }}
http {{
  access_log off; client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  limit_conn_zone $binary_remote_addr zone=addresses:10m;
  limit_req_zone $binary_remote_addr zone=calls:10m rate=1000r/s;
  server {{
    listen 127.0.0.1:{port} http2;
    large_client_header_buffers 4 8k; client_max_body_size 64m; http2_max_concurrent_streams 128;
    limit_conn addresses 64; limit_req zone=calls burst=2000 nodelay;
    grpc_read_timeout 1h; grpc_send_timeout 1h;
    location / {{ grpc_pass grpc://127.0.0.1:{service}; }}
  }}
}}
"""


def free_port():
    with socket.create_server((OTHERS, 0)) as listener:
        return listener.getsockname()[1]


class Service:
    """A retrieval service without an index, and what is measured of it."""

    def __init__(self, executable, flags, descriptors, front):
        self.front = None
        self.directory = tempfile.mkdtemp(prefix="illmrec-attacks-")
        port_file = os.path.join(self.directory, "port")
        environment = {**os.environ, "GRPC_VERBOSITY": "NONE"}

        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, descriptors)

        self.log = open(os.path.join(self.directory, "log"), "wb+")
        self.process = subprocess.Popen(
            [executable, "--data", os.path.join(self.directory, "data"), "--port", "0", "--port-file", port_file, *flags],
            stdout=self.log, stderr=self.log, env=environment, preexec_fn=limit)
        end = time.monotonic() + 60
        while not os.path.exists(port_file):
            if self.process.poll() is not None or time.monotonic() > end:
                self.log.seek(0)
                sys.exit(f"the service did not start: {self.log.read().decode()[-2000:]}")
            time.sleep(0.02)
        with open(port_file) as file:
            self.port = int(file.read())
        if front:
            self.begin_front(front)
        self.peak = self.rest = self.memory()
        self.watching = True
        self.watcher = threading.Thread(target=self.watch)
        self.watcher.start()

    def begin_front(self, executable):
        port, configuration = free_port(), os.path.join(self.directory, "nginx.conf")
        with open(configuration, "w") as file:
            file.write(FRONT.format(directory=self.directory, port=port, service=self.port))
        self.front = subprocess.Popen([executable, "-p", self.directory, "-c", configuration], stderr=self.log)
        self.port = port
        if until_accepted(port) > 5:
            sys.exit("nginx does not answer")

    def processes(self):
        yield self.process.pid
        if self.front:
            yield self.front.pid
            with open(f"/proc/{self.front.pid}/task/{self.front.pid}/children") as file:
                yield from map(int, file.read().split())

    def memory(self):
        """Of all its processes together."""
        total = 0
        try:
            for process in self.processes():
                with open(f"/proc/{process}/status") as file:
                    total += next(int(line.split()[1]) << 10 for line in file if line.startswith("VmRSS"))
        except (StopIteration, FileNotFoundError, ProcessLookupError):
            pass
        return total

    def watch(self):
        while self.watching:
            self.peak = max(self.peak, self.memory())
            time.sleep(0.01)

    def errors(self):
        """Lines that call for somebody's attention, which a stranger must not be able to cause."""
        with open(self.log.name, "rb") as file:
            return [line.decode() for line in file if b" ERROR " in line or b" CRITICAL " in line]

    def stop(self):
        self.watching = False
        self.watcher.join()
        if self.front:
            self.front.terminate()
            self.front.wait()
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory)


# Attacks. Each is run by a process of its own, which prints a line; it ends by itself.

def attempt(send, seconds, bound):
    """Calls `send` until the service closes, the time is over or it has been called `bound` times; how often it was."""
    end, count = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < end and count < bound:
            send(count)
            count += 1
    except OSError:
        pass
    return count


def drain(peer):
    """Reads what the service answers, so that it never waits for the attacker."""
    def read():
        try:
            while peer.socket.recv(1 << 20):
                pass
        except OSError:
            pass
    threading.Thread(target=read, daemon=True).start()


def idle(port):
    held = []

    for number in range(1100):
        try:
            # Half say nothing at all, half what HTTP/2 begins with.
            held.append(Peer(port, ATTACKER, speaks=number % 2 == 0, timeout=1))
        except OSError:
            pass
    time.sleep(4)
    for peer in held:
        peer.close()
    return f"{len(held)} connections"


def resets(port):
    peer = Peer(port, ATTACKER)
    drain(peer)
    block = request(HEALTH)

    def send(batch):
        peer.socket.sendall(b"".join(
            frame(HEADERS, END_HEADERS, stream, block) + frame(RST_STREAM, 0, stream, b"\0\0\0\x08")
            for stream in range(batch * 200 + 1, batch * 200 + 201, 2)))
    return f"{attempt(send, 8, 20_000) * 100} resets"


def continuations(port):
    peer = Peer(port, ATTACKER)
    drain(peer)
    peer.socket.sendall(frame(HEADERS, 0, 1, request(HEALTH) + b"\x00" + integer(1, 7) + b"x" + integer(2 << 30, 7)))
    part = frame(CONTINUATION, 0, 1, b"x" * 16384) * 16
    return f"{attempt(lambda _: peer.socket.sendall(part), 20, 4096) * 256 >> 10} MiB"


def fields(port):
    """Small fields without end, which a parser must not keep."""
    peer = Peer(port, ATTACKER)
    drain(peer)
    peer.socket.sendall(frame(HEADERS, 0, 1, request(HEALTH)))
    # With indexing, so that each also goes through the table of the connection.
    field = b"\x40" + integer(8, 7) + b"attacker" + integer(100, 7) + b"y" * 100
    part = frame(CONTINUATION, 0, 1, field * 140) * 16
    return f"{attempt(lambda _: peer.socket.sendall(part), 10, 4096) * 256 >> 10} MiB"


def gzip(port):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    bomb = b"".join([packer.compress(zeros) for _ in range(1024)] + [packer.flush()])
    answers = []

    def send(_):
        peer = Peer(port, ATTACKER, timeout=30)
        stream = peer.begin(HEALTH, (b"grpc-encoding", b"gzip"), message=b"\x01" + struct.pack(">I", len(bomb)) + bomb)
        answers.append(peer.await_end(stream))
    count = attempt(send, 30, 4)
    return f"{count} messages of {len(bomb) >> 10} KiB that inflate to 1 GiB"


def elements(port):
    """Whole messages within the limit on their bytes: 31 million queries of two bytes, which would decode to gigabytes."""
    queries = b"\x1a\x00" * 31_000_000
    message = memoryview(b"\0" + struct.pack(">I", len(queries)) + queries)

    def send(_):
        peer = Peer(port, ATTACKER, timeout=30)
        if peer.await_end(peer.begin(SEARCH, message=message)):
            raise ConnectionError("the service has answered it")
    count = attempt(send, 30, 4)
    return f"{count} messages of {len(queries) // 1_000_000} MB that hold 31 million empty queries"


def uploads(port):
    """Messages of 60 MiB that are never whole: a hundred on each of four connections."""
    part = bytes(16384)
    peers = [Peer(port, ATTACKER, timeout=0.5) for _ in range(4)]
    sent, end = 0, time.monotonic() + 10
    for peer in peers:
        for _ in range(100):
            peer.begin(HEALTH, message=b"\0" + struct.pack(">I", 60 << 20), ends=False)
    while peers and time.monotonic() < end and sent < 2 << 30:
        for peer in list(peers):
            try:
                for stream in range(1, peer.stream, 2):
                    while min(peer.windows[0], peer.windows[stream]) >= len(part):
                        peer.windows[0] -= len(part)
                        peer.windows[stream] -= len(part)
                        peer.socket.sendall(frame(DATA, 0, stream, part))
                        sent += len(part)
                peer.take_frame()
            except socket.timeout:
                continue
            except OSError:
                peers.remove(peer)
    return f"{sent >> 20} MiB of messages that are never whole"


def beside(port, *fields_of_attack):
    """Whether a call on the same connection lives on."""
    peer = Peer(port, ATTACKER)
    peer.check()
    watched = peer.begin(WATCH)
    try:
        peer.await_end(peer.begin(HEALTH, *fields_of_attack))
        peer.check()
        return f"stream {watched} beside it lives on"
    except OSError as error:
        return f"calls beside it end: {error}"


def metadata(port):
    return beside(port, (b"x", b"y" * (17 << 10)))


def base64(port):
    return beside(port, (b"x-bin", b"!!!!"))


#: Those during which new connections may be refused: memory is at its bound.
EXHAUSTING = {"uploads"}
#: What an attack is, and the descriptors that its service may have (soft and hard).
ATTACKS = {
    "idle": (idle, (1024, 1024)),
    "resets": (resets, None),
    "continuations": (continuations, None),
    "fields": (fields, None),
    "gzip": (gzip, None),
    "elements": (elements, None),
    "uploads": (uploads, None),
    "metadata": (metadata, None),
    "base64": (base64, None),
}


def others(port, seconds, stop=None):
    """Latencies of health checks by somebody else: on a connection that is kept, and on new ones. Failures are infinite."""
    latencies, kept, end = [], None, time.monotonic() + seconds
    while (time.monotonic() < end and not (stop and stop())) or len(latencies) < 20:
        for is_new in (False, True):
            start = time.monotonic()
            peer = None
            try:
                peer = Peer(port, timeout=5) if is_new or kept is None else kept
                if not is_new:
                    kept = peer
                peer.check()
                latencies.append(time.monotonic() - start)
            except OSError:
                latencies.append(float("inf"))
                kept = None if not is_new else kept
            if is_new and peer:
                peer.close()
        time.sleep(0.005)
    return latencies


def p99(latencies):
    return sorted(latencies)[max(0, -(-len(latencies) * 99 // 100) - 1)]


def until_accepted(port):
    start = time.monotonic()
    while time.monotonic() < start + 10:
        try:
            peer = Peer(port, timeout=1)
            peer.check()
            peer.close()
            return time.monotonic() - start
        except OSError:
            time.sleep(0.01)
    return float("inf")


def run(name, options):
    service = Service(options.service, options.flags, ATTACKS[name][1], options.front)
    try:
        before = p99(others(service.port, 2))
        service.rest = service.peak = service.memory()
        attacker = subprocess.Popen(
            [sys.executable, __file__, "--attack", name, "--port", str(service.port)], stdout=subprocess.PIPE, text=True)
        during = others(service.port, 60, stop=lambda: attacker.poll() is not None)
        told = attacker.communicate()[0].strip()
        again = until_accepted(service.port)
        memory = service.peak - service.rest
        lived = service.process.poll() is None
        failed = sum(latency == float("inf") for latency in during)
        print(f"| {name} | {told} | {memory >> 20} MB | {before * 1e3:.1f} ms | {p99(during) * 1e3:.1f} ms | {failed} of {len(during)} "
              f"| {again * 1e3:.0f} ms |", flush=True)
        problems = []
        if not lived:
            problems.append("the service ended")
        if memory > MEMORY_ABOVE_REST:
            problems.append(f"it took {memory >> 20} MB")
        if name in EXHAUSTING:
            during = [latency for latency in during if latency != float("inf")]
            failed = 0
        if failed or p99(during) > max(LATENCY_FACTOR * before, LATENCY_FLOOR_SECONDS):
            problems.append(f"others waited {p99(during) * 1e3:.0f} ms, {failed} of their calls failed")
        if service.errors():
            problems.append(f"it logged {len(service.errors())} errors, such as {service.errors()[0].strip()}")
        if again > ACCEPTS_AGAIN_SECONDS:
            problems.append(f"it accepted after {again:.1f} s")
        return problems
    finally:
        service.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--service", default=".build/debug/illmrec-retrieval")
    parser.add_argument("--only", nargs="*", choices=list(ATTACKS))
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--front", help="nginx's executable")
    parser.add_argument("--attack", choices=list(ATTACKS), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("flags", nargs="*")
    options = parser.parse_args()
    if options.attack:
        print(ATTACKS[options.attack][0](options.port))
        return
    print("| attack | what was sent | memory above rest | others' p99 before | others' p99 | others' failed calls | accepts again |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    failures = {name: run(name, options) for name in options.only or ATTACKS}
    for name, problems in failures.items():
        for problem in problems:
            print(f"{name}: {problem}", file=sys.stderr)
    if any(failures.values()) and not options.report:
        sys.exit(1)


if __name__ == "__main__":
    main()
