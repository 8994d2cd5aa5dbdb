#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Has the clients and servers of gRPC's interoperability tests meet ours, in clear text, by TLS, by TLS with client certificates, and
through nginx, which speaks the last to both sides. Prints how many cases held, and names those that did not.

    Tests/Interop/interop.py PROBE PEERS [--pairs WORD] [--modes plain,tls,mtls,nginx]

PEERS is the folder that scripts/test-interop.sh fills; a pair is written "C++ -> ours", and WORD chooses those that contain it.
"""
import argparse
import concurrent.futures
import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

COMMON = """empty_unary large_unary client_streaming server_streaming ping_pong empty_stream cancel_after_begin cancel_after_first_response
    timeout_on_sleeping_server status_code_and_message special_status_message custom_metadata unimplemented_method
    unimplemented_service""".split()
FROM_SERVER = ["server_compressed_unary", "server_compressed_streaming"]
FROM_CLIENT = ["client_compressed_unary", "client_compressed_streaming"]
ALL = [*COMMON, "half_duplex", *FROM_SERVER, *FROM_CLIENT]

# What each client can run, and each server can answer. Of the others' servers only C++'s sees whether a request came compressed.
CLIENTS = {"C++": [*ALL, "rpc_soak", "channel_soak"], "grpcio": ALL, "grpc-go": COMMON, "ours": ALL}
SERVERS = {"C++": ALL, "grpcio": [*COMMON, "half_duplex", *FROM_SERVER], "grpc-go": [*COMMON, "half_duplex"], "ours": CLIENTS["C++"]}
PAIRS = [("C++", "ours"), ("grpcio", "ours"), ("grpc-go", "ours"), ("ours", "C++"), ("ours", "grpcio"), ("ours", "grpc-go"),
         ("ours", "ours")]
MODES = ["plain", "tls", "mtls", "nginx"]
CASE_SECONDS = 120

NGINX = """
daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/nginx.log warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {server.certificate}; ssl_certificate_key {server.key};
    ssl_client_certificate {authority}; ssl_verify_client on;
    client_max_body_size 64m; http2_max_concurrent_streams 128;
    grpc_read_timeout 1h; grpc_send_timeout 1h;
    location / {{
      grpc_pass grpcs://127.0.0.1:{backend};
      grpc_ssl_certificate {client.certificate}; grpc_ssl_certificate_key {client.key};
      grpc_ssl_trusted_certificate {authority}; grpc_ssl_verify on; grpc_ssl_name localhost;
    }}
  }}
}}
"""


class Identity:
    """A certificate for localhost, signed by `authority` or, without one, by itself."""

    def __init__(self, directory, name, authority=None):
        self.certificate, self.key = directory / f"{name}.pem", directory / f"{name}.key"
        signer = ["-CA", authority.certificate, "-CAkey", authority.key] if authority else []
        names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"] if authority else []
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
             f"/CN={name}", "-keyout", self.key, "-out", self.certificate, *signer, *names], check=True, capture_output=True)


class Certificates:
    def __init__(self, directory):
        self.authority = Identity(directory, "authority")
        self.server, self.client = (Identity(directory, name, self.authority) for name in ("server", "client"))

    def of_server(self, mode):
        own = [self.server.certificate, self.server.key]
        return {"plain": [], "tls": own}.get(mode, [*own, self.authority.certificate])

    def of_client(self, mode):
        trusted = [self.authority.certificate]
        return {"plain": [], "tls": trusted}.get(mode, [*trusted, self.client.certificate, self.client.key])


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


@contextlib.contextmanager
def running(command, port, log, environment):
    """A process that listens on `port` within the block."""
    with open(log, "w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        try:
            deadline = time.monotonic() + 60
            while not accepts(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{command[0]} does not listen:\n{pathlib.Path(log).read_text()}")
                time.sleep(0.05)
            yield
        finally:
            process.kill()
            process.wait()


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Meeting:
    """One client, one server and the way between them."""

    def __init__(self, programs, certificates, directory):
        self.programs, self.certificates, self.directory = programs, certificates, directory
        sources = programs["sources"]
        self.environment = {
            **os.environ, "PYTHONPATH": f"{sources}/python:{sources}/grpc/src/python/grpcio_tests",
            "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "upb"}

    def hold(self, client, server, mode):
        """The cases that did not hold, each with what was printed, and the number of all."""
        cases = [case for case in CLIENTS[client] if case in SERVERS[server]]
        port = free_port()
        command = [*self.programs[server]["server"], str(port), *self.certificates.of_server(mode)]
        with running(command, port, self.directory / "server.log", self.environment), self.front(mode, port) as target:
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                results = pool.map(lambda case: self.run(client, case, target, mode), cases)
                failures = {case: told for case, told in zip(cases, results) if told is not None}
        return failures, len(cases)

    @contextlib.contextmanager
    def front(self, mode, backend):
        """The port to call."""
        if mode != "nginx":
            yield backend
            return
        port = free_port()
        configuration = self.directory / "nginx.conf"
        configuration.write_text(NGINX.format(
            directory=self.directory, port=port, backend=backend, server=self.certificates.server,
            client=self.certificates.client, authority=self.certificates.authority.certificate))
        with running([self.programs["nginx"], "-p", self.directory, "-c", configuration], port, self.directory / "nginx.out",
                     self.environment):
            yield port

    def run(self, client, case, port, mode):
        """What was printed where the case did not hold, else None."""
        command = [*self.programs[client]["client"], f"127.0.0.1:{port}", case, *self.certificates.of_client(mode)]
        try:
            done = subprocess.run(
                command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=CASE_SECONDS)
        except subprocess.TimeoutExpired:
            return f"not over after {CASE_SECONDS} s"
        return None if done.returncode == 0 else done.stdout.decode(errors="replace")[-1500:] or f"exit {done.returncode}"


def find_programs(probe, peers):
    python = [str(peers / "venv/bin/python"), str(pathlib.Path(__file__).parent / "peers/peer.py")]
    own, go = str(probe), str(peers / "go-peer")
    return {
        "ours": {"server": [own, "server"], "client": [own, "client"]},
        "C++": {"server": [str(peers / "cpp/server")], "client": [str(peers / "cpp/client")]},
        "grpcio": {"server": [*python, "server"], "client": [*python, "client"]},
        "grpc-go": {"server": [go, "server"], "client": [go, "client"]},
        "nginx": str(peers / "nginx"), "sources": peers,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("probe", type=pathlib.Path)
    parser.add_argument("peers", type=pathlib.Path)
    parser.add_argument("--pairs", default="")
    parser.add_argument("--modes", default=",".join(MODES))
    arguments = parser.parse_args()
    programs = find_programs(arguments.probe.resolve(), arguments.peers.resolve())
    modes = arguments.modes.split(",")
    print(f"| client -> server | {' | '.join(modes)} |\n|{' --- |' * (len(modes) + 1)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="illmrec-interop-") as scratch:
        meeting = Meeting(programs, Certificates(pathlib.Path(scratch)), pathlib.Path(scratch))
        told = []
        for client, server in PAIRS:
            if arguments.pairs not in f"{client} -> {server}":
                continue
            print(f"| {client} -> {server} |", end="", flush=True)
            for mode in modes:
                failures, count = meeting.hold(client, server, mode)
                print(f" {count - len(failures)} of {count} |", end="", flush=True)
                told += [f"{client} -> {server}, {mode}, {case}:\n{text}" for case, text in failures.items()]
            print(flush=True)
    for failure in told:
        print(f"\nFAILED {failure}")
    sys.exit(1 if told else 0)


if __name__ == "__main__":
    main()
