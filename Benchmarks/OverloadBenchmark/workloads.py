# SPDX-License-Identifier: Apache-2.0
"""What callers send to each service: calls that take the service some hundredths of a second each, so that the client, which shares
the machine, takes little of it. No two are alike, so that no cache answers."""
import io
import random

import grpc
import numpy as np
from PIL import Image

from illmrec.common.v1 import common_pb2
from illmrec.encoder.v1 import encoder_pb2, encoder_pb2_grpc
from illmrec.llm.v1 import llm_pb2, llm_pb2_grpc
from illmrec.retrieval.v1 import index_admin_pb2, index_admin_pb2_grpc, retrieval_pb2, retrieval_pb2_grpc

WORDS = "blue cotton shirt wide leather boots light summer dress winter coat running shoes black denim jeans".split()
MESSAGE_BYTES = 64 << 20


def tensor(values):
    values = np.ascontiguousarray(values, dtype="<f4")
    return common_pb2.Tensor(data_type=common_pb2.DATA_TYPE_FLOAT32, shape=list(values.shape), data=values.tobytes())


class LLM:
    """Histories of ten items."""
    program = "illmrec-llm"
    description = "a user of 10 items a call"
    info = staticmethod(lambda channel: (llm_pb2_grpc.LLMServiceStub(channel).GetServerInfo, llm_pb2.GetServerInfoRequest()))

    def __init__(self, target, state):
        self.random = random.Random(1)
        with grpc.insecure_channel(target) as channel:
            width = llm_pb2_grpc.LLMServiceStub(channel).GetServerInfo(llm_pb2.GetServerInfoRequest()).llm_dim
        self.token = tensor(np.random.default_rng(1).normal(0, 0.02, width))

    @staticmethod
    def flags(checkpoint, state):
        return ["--checkpoint", checkpoint]

    def method(self, channel):
        return llm_pb2_grpc.LLMServiceStub(channel).EncodeUsers

    def request(self):
        items = [llm_pb2.HistoryItem(title=" ".join(self.random.choices(WORDS, k=8)), soft_token=self.token) for _ in range(10)]
        return llm_pb2.EncodeUsersRequest(users=[llm_pb2.UserPrompt(history=llm_pb2.History(items=items))])


class Encoder:
    """Thumbnails: larger images would have the client and the connections compete with the tower for the processors."""
    program = "illmrec-encoder"
    images, side = 8, 160
    description = f"{images} images of {side} x {side} a call"
    info = staticmethod(
        lambda channel: (encoder_pb2_grpc.EncoderServiceStub(channel).GetServerInfo, encoder_pb2.GetServerInfoRequest()))

    def __init__(self, target, state):
        self.random = random.Random(1)
        coarse = np.random.default_rng(1).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        data = io.BytesIO()
        Image.fromarray(coarse).resize((self.side, self.side), Image.Resampling.BICUBIC).save(data, "JPEG", quality=90)
        self.file = data.getvalue()

    @staticmethod
    def flags(checkpoint, state):
        return ["--checkpoint", checkpoint, "--store", f"{state}/items.sqlite"]

    def method(self, channel):
        return encoder_pb2_grpc.EncoderServiceStub(channel).EncodeImages

    def image(self):
        # A comment behind the marker that begins the file makes another file of the same picture.
        comment = self.random.randbytes(16)
        return self.file[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + self.file[2:]

    def request(self):
        items = [encoder_pb2.ImageItem(encoded=self.image()) for _ in range(self.images)]
        return encoder_pb2.EncodeImagesRequest(items=items, outputs=[encoder_pb2.OUTPUT_SOFT_TOKEN])


class Retrieval:
    """Exact searches among random vectors."""
    program = "illmrec-retrieval"
    items, width, queries = 400_000, 256, 16
    description = f"{queries} exact searches a call among {items:,} vectors of {width}"
    info = staticmethod(
        lambda channel: (retrieval_pb2_grpc.RetrievalServiceStub(channel).GetServerInfo, retrieval_pb2.GetServerInfoRequest()))

    def __init__(self, target, state):
        self.random = np.random.default_rng(1)
        with grpc.insecure_channel(target, options=[("grpc.max_send_message_length", MESSAGE_BYTES)]) as channel:
            index_admin_pb2_grpc.IndexAdminServiceStub(channel).CreateVersion(self.upload())

    @staticmethod
    def flags(checkpoint, state):
        return ["--data", f"{state}/index"]

    def vectors(self, count):
        values = self.random.normal(size=(count, self.width)).astype("<f4")
        return values / np.linalg.norm(values, axis=1, keepdims=True)

    def upload(self):
        request = index_admin_pb2.CreateVersionRequest
        yield request(header=dict(dim=self.width, built_by=common_pb2.ModelRef(space_fingerprint="benchmark")))
        step = 5000
        for first in range(0, self.items, step):
            ids = [f"{row:09d}" for row in range(first, first + step)]
            yield request(chunk=dict(item_ids=ids, vectors=tensor(self.vectors(step))))
        yield request(commit=dict(item_count=self.items))

    def method(self, channel):
        return retrieval_pb2_grpc.RetrievalServiceStub(channel).Search

    def request(self):
        return retrieval_pb2.SearchRequest(queries=[dict(k=10, vector=tensor(row)) for row in self.vectors(self.queries)])


WORKLOADS = {"llm": LLM, "encoder": Encoder, "retrieval": Retrieval}
