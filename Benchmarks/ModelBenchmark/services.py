# SPDX-License-Identifier: Apache-2.0
"""Our services, started as a user would, and clients for them."""
import io
import os
import random
import signal
import subprocess
import tempfile
import time

import grpc
import numpy as np
from PIL import Image

from illmrec.common.v1 import common_pb2
from illmrec.encoder.v1 import encoder_pb2, encoder_pb2_grpc
from illmrec.llm.v1 import llm_pb2, llm_pb2_grpc

MESSAGE_BYTES = 64 << 20
LETTERS = "abcdefghijklmnopqrstuvwxyz"
# About as long as a shop's titles: a ten-item history reads some 300 tokens of LLaMA's vocabulary.
TITLE_WORDS = "blue cotton shirt wide leather boots light summer dress winter coat running shoes black denim jeans".split()


def memory(pid, field="VmRSS"):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))


class Service:
    """A service's process: started, waited for, and stopped."""

    def __init__(self, program, checkpoint, *flags):
        self.directory = tempfile.TemporaryDirectory()
        port_file = f"{self.directory.name}/port"
        self.log = open(f"{self.directory.name}/log", "w+")
        begin = time.perf_counter()
        self.process = subprocess.Popen(
            [program, "--checkpoint", checkpoint, "--port", "0", "--port-file", port_file, *flags], stdout=self.log,
            stderr=subprocess.STDOUT)
        while not os.path.exists(port_file):
            if self.process.poll() is not None:
                self.log.seek(0)
                raise SystemExit(f"{program} did not start:\n{self.log.read()}")
            time.sleep(0.05)
        self.load_seconds = time.perf_counter() - begin
        self.load_peak_bytes = memory(self.process.pid, "VmHWM")
        with open(port_file) as file:
            self.channel = grpc.insecure_channel(f"127.0.0.1:{file.read().strip()}", options=[
                ("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)])

    @property
    def resident_bytes(self):
        return memory(self.process.pid)

    def stop(self):
        self.channel.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.log.close()
        self.directory.cleanup()


class LLM(Service):
    def __init__(self, program, checkpoint, *flags):
        super().__init__(program, checkpoint, *flags)
        self.stub = llm_pb2_grpc.LLMServiceStub(self.channel)
        self.width = self.stub.GetServerInfo(llm_pb2.GetServerInfoRequest()).llm_dim
        self.random = random.Random(1)

    def encode(self, users):
        """Results of one request."""
        answer = self.stub.EncodeUsers(llm_pb2.EncodeUsersRequest(users=users), timeout=3600)
        for result in answer.results:
            if result.HasField("error"):
                raise SystemExit(f"the LLM service refuses a prompt: {result.error.message}")
        return answer.results

    def prompt(self, tokens):
        """A prompt of that many tokens that nobody has sent before: letters are one token each; <s> and [REC] are the others."""
        text = " ".join(self.random.choices(LETTERS, k=tokens - 2))
        return llm_pb2.UserPrompt(parts=llm_pb2.Parts(parts=[llm_pb2.Part(text=text)]))

    def prefill(self, lengths):
        results = self.encode([self.prompt(length) for length in lengths])
        found = [result.prompt_tokens for result in results]
        assert found == lengths, f"{found} tokens instead of {lengths}: is this LLaMA's vocabulary?"

    def item(self):
        values = np.array([self.random.gauss(0, 0.02) for _ in range(self.width)], dtype="<f4")
        token = common_pb2.Tensor(data_type=common_pb2.DATA_TYPE_FLOAT32, shape=[self.width], data=values.tobytes())
        return llm_pb2.HistoryItem(title=" ".join(self.random.choices(TITLE_WORDS, k=8)), soft_token=token)

    def history(self, items):
        return llm_pb2.UserPrompt(history=llm_pb2.History(items=items))

    def tokens(self, user):
        return self.stub.CountTokens(llm_pb2.CountTokensRequest(user=user)).prompt_tokens


class Encoder(Service):
    def __init__(self, program, checkpoint, *flags):
        self.state = tempfile.TemporaryDirectory()
        super().__init__(program, checkpoint, "--store", f"{self.state.name}/items.sqlite", *flags)
        self.stub = encoder_pb2_grpc.EncoderServiceStub(self.channel)
        self.random = np.random.default_rng(1)

    def stop(self):
        super().stop()
        self.state.cleanup()

    def image(self):
        """A JPEG of a shop's usual size that nobody has sent before."""
        coarse = self.random.integers(0, 256, (25, 25, 3), dtype=np.uint8)
        data = io.BytesIO()
        Image.fromarray(coarse).resize((500, 500), Image.Resampling.BICUBIC).save(data, "JPEG", quality=90)
        return data.getvalue()

    def encode(self, count):
        items = [encoder_pb2.ImageItem(item_id=str(index), encoded=self.image())
                 for index in range(count)]
        answer = self.stub.EncodeImages(encoder_pb2.EncodeImagesRequest(
            items=items, outputs=[encoder_pb2.OUTPUT_EMBEDDING]), timeout=3600)
        for result in answer.results:
            if result.HasField("error"):
                raise SystemExit(f"the encoder refuses an image: {result.error.message}")
