#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls a retrieval service by TLS from grpcio and from illmrec, with client certificates, and changes certificates under calls.

    scripts/check-tls.py .build/debug
"""
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import grpc

ROTATIONS = 30


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    def __init__(self, directory, name):
        self.directory, self.certificate, self.key = directory, f"{directory}/{name}.pem", f"{directory}/{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out",
                self.certificate, "-days", "30", "-subj", f"/CN={name}")

    def issue(self, name):
        certificate, key, request, extensions = (f"{self.directory}/{name}.{end}" for end in ("pem", "key", "csr", "ext"))
        with open(extensions, "w") as file:
            file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request,
                "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", "30",
                "-extfile", extensions, "-out", certificate)
        return certificate, key


def read(path):
    with open(path, "rb") as file:
        return file.read()


def credentials(authority, pair=None):
    certificate, key = pair or (None, None)
    return grpc.ssl_channel_credentials(
        read(authority.certificate), key and read(key), certificate and read(certificate))


def call(target, with_credentials):
    channel = grpc.secure_channel(target, with_credentials) if with_credentials else grpc.insecure_channel(target)
    with channel:
        try:
            answer = channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=30)
            return "OK" if answer == b"\x08\x01" else f"not serving: {answer!r}"
        except grpc.RpcError as error:
            return error.code().name


def expect(what, found, wanted):
    print(f"{'ok    ' if found == wanted else 'FAILED'} {what}: {found}", flush=True)
    return found == wanted


def rotate(authority, served, target, client):
    """Replaces the served files, certificate and key one after the other, while two threads call; the calls that failed."""
    stop, failures, calls = threading.Event(), [], []

    def call_on_new_connections():
        while not stop.is_set():
            result = call(target, client)
            calls.append(result)
            if result != "OK":
                failures.append(result)

    def call_on_one():
        with grpc.secure_channel(target, client) as channel:
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            while not stop.is_set():
                try:
                    check(b"", timeout=30)
                    calls.append("OK")
                except grpc.RpcError as error:
                    failures.append(error.code().name)

    threads = [threading.Thread(target=run) for run in (call_on_new_connections, call_on_new_connections, call_on_one)]
    for thread in threads:
        thread.start()
    for number in range(ROTATIONS):
        for new, old in zip(authority.issue(f"successor{number}"), served):
            os.replace(new, old)
            time.sleep(0.02)
        time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join()
    return failures, len(calls)


def main():
    binaries = sys.argv[1]
    directory = tempfile.mkdtemp(prefix="illmrec-tls-")
    authority, stranger = Authority(directory, "authority"), Authority(directory, "stranger")
    served, client = authority.issue("server"), authority.issue("client")
    port_file = f"{directory}/port"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ILLMREC_")}
    log = open(f"{directory}/log", "w+")
    service = subprocess.Popen(
        [f"{binaries}/illmrec-retrieval", "--data", f"{directory}/data", "--host", "0.0.0.0", "--port", "0", "--port-file", port_file,
         "--tls-certificate", served[0], "--tls-key", served[1], "--tls-client-ca", authority.certificate],
        stdout=log, stderr=log, env=environment)
    held = True
    try:
        while not os.path.exists(port_file):
            if service.poll() is not None:
                sys.exit(f"the service did not start:\n{read(f'{directory}/log').decode()}")
            time.sleep(0.05)
        target = f"127.0.0.1:{read(port_file).decode().strip()}"
        known = credentials(authority, client)
        held &= expect("grpcio with a client certificate", call(target, known), "OK")
        held &= expect("grpcio without one", call(target, credentials(authority)), "UNAVAILABLE")
        held &= expect("grpcio with a stranger's", call(target, credentials(authority, stranger.issue("strange"))), "UNAVAILABLE")
        held &= expect("grpcio that trusts a stranger", call(target, credentials(stranger, client)), "UNAVAILABLE")
        held &= expect("grpcio without TLS", call(target, None), "UNAVAILABLE")

        def illmrec(*flags):
            command = [f"{binaries}/illmrec", *flags, "index", "list", "--retrieval", target]
            told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120).stderr
            # The service has no index, which only those learn who reach it.
            return next((word for word in ("INDEX_NOT_FOUND", "UNAVAILABLE") if word in told), told)

        flags = ["--tls-ca", authority.certificate, "--tls-client-certificate", client[0], "--tls-client-key", client[1]]
        held &= expect("illmrec with a client certificate", illmrec(*flags), "INDEX_NOT_FOUND")
        held &= expect("illmrec without one", illmrec(*flags[:2]), "UNAVAILABLE")
        held &= expect("illmrec without TLS", illmrec(), "UNAVAILABLE")
        failures, calls = rotate(authority, served, target, known)
        held &= expect(f"{ROTATIONS} rotations under {calls} calls, failed", len(failures), 0)
        refused = subprocess.run(
            [f"{binaries}/illmrec-retrieval", "--data", f"{directory}/other", "--host", "0.0.0.0", "--port", "0"], env=environment,
            capture_output=True, timeout=120)
        held &= expect("a service without TLS on 0.0.0.0", refused.returncode, 64)
    finally:
        service.kill()
        service.wait()
        log.close()
        shutil.rmtree(directory)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
