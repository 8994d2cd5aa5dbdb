#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends the spans of a gateway and a retrieval service to a collector of OpenTelemetry (rotel, from PyPI), and reads there what it
understood: one trace through both services, each call under the one that asked for it. The messages are built by server reflection.

    scripts/check-traces.py .build/debug
"""
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

import grpc
import rotel
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
RECOMMEND = "illmrec.recommender.v1.RecommenderService/Recommend"
INFO = "illmrec.retrieval.v1.RetrievalService/GetServerInfo"


def free_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def start(directory, name, command, environment=None):
    process = subprocess.Popen(
        [*command, "--port", "0", "--port-file", directory / name, "--log-level", "warning", "--shutdown-grace", "0"],
        env={**os.environ, **(environment or {})})
    while not (directory / name).exists():
        if process.poll() is not None:
            sys.exit(f"{name} ended")
        time.sleep(0.05)
    return process, f"127.0.0.1:{(directory / name).read_text().strip()}"


def recommend(target):
    """Fails, since nobody encodes: the gateway has asked the three services by then."""
    with grpc.insecure_channel(target) as channel:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        method = pool.FindMethodByName(RECOMMEND.replace("/", "."))
        request = GetMessageClass(method.input_type)()
        request.users.add(user_id="ann").interactions.add(item_id="lamp")
        try:
            channel.unary_unary(f"/{RECOMMEND}")(
                request.SerializeToString(), timeout=30, metadata=[("traceparent", f"00-{TRACE}-{PARENT}-01")])
        except grpc.RpcError as error:
            return error.code().name
        return "OK"


def spans(text):
    """What the collector printed of each span: service, trace, parent, id and name."""
    found, service = [], None
    for line in text.splitlines():
        if match := re.search(r"-> service\.name: Str\((.*)\)", line):
            service = match[1]
        elif match := re.match(r"\s*Trace ID\s*: (\w*)", line):
            found.append({"service": service, "trace": match[1]})
        elif found and (match := re.match(r"\s*(Parent ID|ID|Name)\s*: (\S*)", line)):
            found[-1][match[1]] = match[2]
    return found


def expect(what, holds):
    print(f"{'ok    ' if holds else 'FAILED'} {what}", flush=True)
    return holds


def main():
    programs = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".build/debug").resolve()
    agent = pathlib.Path(rotel.__file__).parent / "rotel-agent"
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch)
        port, log = free_port(), directory / "collector.log"
        with log.open("w") as output:
            collector = subprocess.Popen(
                [agent, "start", "--exporter", "blackhole", "--debug-log", "traces", "--debug-log-verbosity", "detailed",
                 "--otlp-grpc-endpoint", f"127.0.0.1:{port}", "--otlp-http-endpoint", f"127.0.0.1:{free_port()}",
                 "--pid-file", directory / "pid", "--log-file", directory / "log"],
                stdout=output, stderr=subprocess.STDOUT)
        processes = [collector]
        try:
            retrieval, target = start(
                directory, "retrieval",
                [programs / "illmrec-retrieval", "--data", directory / "index", "--otlp-endpoint", f"127.0.0.1:{port}"])
            processes.append(retrieval)
            nobody = f"127.0.0.1:{free_port()}"
            gateway, front = start(
                directory, "gateway",
                [programs / "illmrec", "gateway", "--retrieval", target, "--encoder", nobody, "--llm", nobody],
                {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_SERVICE_NAME": "shop-gateway"})
            processes.append(gateway)
            code = recommend(front)
            for process in (gateway, retrieval):
                process.terminate()
                process.wait()
            time.sleep(1)
        finally:
            for process in processes:
                process.terminate()
                process.wait()
        found = [span for span in spans(log.read_text()) if span["trace"] == TRACE]
    call = next((s for s in found if s["Name"] == RECOMMEND), None)
    asked = [s for s in found if s["Name"] == INFO and s["service"] == "shop-gateway"]
    answered = [s for s in found if s["Name"] == INFO and s["service"] == "illmrec-retrieval"]
    for span in found:
        print(f"       {span['service']}: {span['Name']}")
    sound = [
        expect(f"the call was refused for want of an encoder: {code}", code == "UNAVAILABLE"),
        expect("the gateway's span is under its caller's", call is not None and call["Parent ID"] == PARENT),
        expect("the gateway's call is under it", call is not None and [s["Parent ID"] for s in asked] == [call["ID"]]),
        expect("what retrieval did is under that", [s["Parent ID"] for s in answered] == [s["ID"] for s in asked] != []),
    ]
    sys.exit(not all(sound))


if __name__ == "__main__":
    main()
