#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The client and server of grpcio's interoperability tests, which are on the PYTHONPATH together with their messages.

    peer.py server PORT [CERTIFICATE KEY [AUTHORITIES]]     on 127.0.0.1, until it is killed
    peer.py client TARGET CASE [AUTHORITIES [CERTIFICATE KEY]]

Its own cases do not compress; the five that grpcio can run of those that C++ adds are here.
"""
import argparse
import pathlib
import sys
from concurrent import futures

import grpc
from src.proto.grpc.testing import messages_pb2, test_pb2_grpc
from tests.interop import methods, service

GZIP = grpc.Compression.Gzip


def require(holds, what):
    if not holds:
        raise AssertionError(what)


def expect_refusal(call):
    """The server has to notice that a message is not compressed whose sender says so."""
    try:
        call()
    except grpc.RpcError as error:
        require(error.code() == grpc.StatusCode.INVALID_ARGUMENT, error.code())
    else:
        require(False, "an uncompressed message passed for a compressed one")


def large(**fields):
    payload = messages_pb2.Payload(body=bytes(271828))
    return messages_pb2.SimpleRequest(response_size=314159, payload=payload, **fields)


def flag(value):
    return messages_pb2.BoolValue(value=value)


def client_compressed_unary(stub):
    expect_refusal(lambda: stub.UnaryCall(large(expect_compressed=flag(True))))
    for compressed in (True, False):
        response = stub.UnaryCall(large(expect_compressed=flag(compressed)), compression=GZIP if compressed else None)
        require(len(response.payload.body) == 314159, "size")


def server_compressed_unary(stub):
    for compressed in (True, False):
        response = stub.UnaryCall(large(response_compressed=flag(compressed)))
        require(len(response.payload.body) == 314159, "size")


def client_compressed_streaming(stub):
    def upload(sizes, compression):
        return stub.StreamingInputCall(
            iter([messages_pb2.StreamingInputCallRequest(payload=messages_pb2.Payload(body=bytes(size)), expect_compressed=flag(True))
                  for size in sizes]), compression=compression)

    expect_refusal(lambda: upload([27182], None))
    require(upload([27182, 45904], GZIP).aggregated_payload_size == 73086, "sum")


def server_compressed_streaming(stub):
    wanted = [(31415, True), (92653, False)]
    request = messages_pb2.StreamingOutputCallRequest(response_parameters=[
        messages_pb2.ResponseParameters(size=size, compressed=flag(compressed)) for size, compressed in wanted])
    sizes = [len(response.payload.body) for response in stub.StreamingOutputCall(request)]
    require(sizes == [size for size, _ in wanted], sizes)


def half_duplex(stub):
    wanted = [31415, 9, 2653, 58979]
    requests = [messages_pb2.StreamingOutputCallRequest(response_parameters=[messages_pb2.ResponseParameters(size=size)])
                for size in wanted]
    sizes = [len(response.payload.body) for response in stub.HalfDuplexCall(iter(requests))]
    require(sizes == wanted, sizes)


OWN_CASES = {case.__name__: case for case in (
    client_compressed_unary, server_compressed_unary, client_compressed_streaming, server_compressed_streaming, half_duplex)}


class Service(service.TestService):
    """With compression, which grpcio's own leaves out. What came compressed, grpcio does not tell."""

    def UnaryCall(self, request, context):
        if request.response_compressed.value:
            context.set_compression(GZIP)
        return super().UnaryCall(request, context)

    def StreamingOutputCall(self, request, context):
        wanted = [parameters.compressed.value for parameters in request.response_parameters]
        if any(wanted):
            context.set_compression(GZIP)
        for compressed, response in zip(wanted, super().StreamingOutputCall(request, context)):
            if not compressed:
                context.disable_next_message_compression()
            yield response


def read(path):
    return pathlib.Path(path).read_bytes()


def serve(port, certificate=None, key=None, authorities=None):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    test_pb2_grpc.add_TestServiceServicer_to_server(Service(), server)
    address = f"127.0.0.1:{port}"
    if certificate is None:
        server.add_insecure_port(address)
    else:
        server.add_secure_port(address, grpc.ssl_server_credentials(
            [(read(key), read(certificate))], authorities and read(authorities), authorities is not None))
    server.start()
    server.wait_for_termination()


def call(target, name, authorities=None, certificate=None, key=None):
    if authorities is None:
        channel = grpc.insecure_channel(target)
    else:
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(
            read(authorities), key and read(key), certificate and read(certificate)))
    with channel:
        stub = (test_pb2_grpc.UnimplementedServiceStub if name == "unimplemented_service" else test_pb2_grpc.TestServiceStub)(channel)
        if name in OWN_CASES:
            OWN_CASES[name](stub)
        else:
            methods.TestCase(name).test_interoperability(stub, argparse.Namespace())


if __name__ == "__main__":
    {"server": serve, "client": call}[sys.argv[1]](*sys.argv[2:])
