#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a further training costs a service that holds one: memory, the speed of a batch that mixes the two, and what callers notice
of comparisons, which encode users by the further one in the background.

The further training shares the frozen parts of CHECKPOINT by links and has an adaptor, projections, [REC] and token embeddings of
its own, every row of which differs: the most that a training can hold. Batches of one training and of both are computed in turn.
"""
import argparse
import os
import shutil
import statistics
import tempfile
import threading
import time

import torch
from safetensors.torch import load_file

from illmrec.common.v1 import common_pb2
from illmrec.encoder.v1 import encoder_pb2
from illmrec.llm.v1 import llm_pb2
from illmrec.training.v1 import training_admin_pb2, training_admin_pb2_grpc
from make_checkpoint import make_rec_module
from services import LLM, Encoder, memory

MEGABYTE = 1e6


def write_training(checkpoint, out, shape):
    """A training over the frozen parts of `checkpoint`, with all token embeddings its own."""
    width, embedding_width, space_width = shape
    os.makedirs(f"{out}/llm_parameter")
    for part in ("llm", "vision_tower"):
        os.symlink(os.path.abspath(f"{checkpoint}/{part}"), f"{out}/{part}")
    make_rec_module(f"{out}/rec_module", embedding_width, width, space_width, seed=77)
    frozen = load_file(f"{checkpoint}/llm/model.safetensors")["model.embed_tokens.weight"]
    torch.manual_seed(77)
    trained = (frozen.float() + 0.01 * torch.randn(frozen.shape)).to(frozen.dtype)
    torch.save({"weight": trained}, f"{out}/llm_parameter/token_embed.pth")


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(service, directory):
    """Loads the training; returns the fingerprints of both and what the process grew by."""
    stub = training_admin_pb2_grpc.TrainingAdminServiceStub(service.channel)
    pid = service.process.pid
    before = {field: memory(pid, field) for field in ("VmRSS", "RssAnon", "RssFile")}
    began = time.perf_counter()
    stub.LoadTraining(training_admin_pb2.LoadTrainingRequest(directory=directory), timeout=3600)
    seconds = time.perf_counter() - began
    grown = {field: (memory(pid, field) - before[field]) / MEGABYTE for field in before}
    listed = stub.ListTrainings(training_admin_pb2.ListTrainingsRequest()).trainings
    # The frozen token embeddings lie in their file; comparing the further training's with them brings its pages in.
    print(f"  loaded in {seconds:.1f} s; of {before['VmRSS'] / MEGABYTE:,.0f} MB resident, the process's own grew by "
          f"{grown['RssAnon']:,.0f} MB, pages of its files by {grown['RssFile']:,.0f} MB; the service counts "
          f"{listed[1].bytes / MEGABYTE:,.0f} MB as the training's")
    return [training.model.space_fingerprint for training in listed]


def compare(service, rounds, compute):
    """Times `compute(mixed)` in turns and prints the ratio of the paired times."""
    compute(False), compute(True)
    wall, cpu = [], []
    for turn in range(rounds):
        times = {}
        for mixed in ((False, True) if turn % 2 == 0 else (True, False)):
            began, used = time.perf_counter(), processor_seconds(service.process.pid)
            compute(mixed)
            times[mixed] = (time.perf_counter() - began, processor_seconds(service.process.pid) - used)
        wall.append(times[True][0] / times[False][0])
        cpu.append(times[True][1] / times[False][1])
    for name, ratios in (("wall clock", wall), ("processor time", cpu)):
        print(f"  mixed to single, {name}: {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}, {rounds} pairs)")


def answers(stub, requests):
    """Sends the requests one right after the other. While the first is computed the others gather, and become one batch."""
    for future in [stub.future(request, timeout=3600) for request in requests]:
        for result in future.result().results:
            if result.HasField("error"):
                raise SystemExit(f"refused: {result.error.message}")


def llm_part(options, checkpoint, trainings):
    print(f"LLM service, {options.precision}, {options.users} users of {options.tokens} tokens in a batch")
    service = LLM(f"{options.programs}/illmrec-llm", checkpoint, "--precision", options.precision, "--trainings", trainings,
                  "--max-queue-seconds", "3600")
    first, second = load(service, "further")

    def compute(mixed):
        half = options.users // 2
        users = [service.prompt(options.tokens) for _ in range(options.users)]
        answers(service.stub.EncodeUsers, [
            llm_pb2.EncodeUsersRequest(users=[service.prompt(8)], expected_space_fingerprint=first),
            llm_pb2.EncodeUsersRequest(users=users[:half], expected_space_fingerprint=first),
            llm_pb2.EncodeUsersRequest(users=users[half:], expected_space_fingerprint=second if mixed else first)])

    compare(service, options.rounds, compute)
    service.stop()


class Comparisons:
    """Users of the further training that wait in the background without end: while it runs, two requests always do."""

    def __init__(self, service, options, training):
        self.ended = threading.Event()
        self.done = 0
        self.threads = [threading.Thread(target=self.run, args=(service, options, training)) for _ in range(2)]

    def run(self, service, options, training):
        while not self.ended.is_set():
            request = llm_pb2.EncodeUsersRequest(
                users=[service.prompt(options.tokens)], expected_space_fingerprint=training,
                priority=common_pb2.PRIORITY_BACKGROUND)
            try:
                service.stub.EncodeUsers(request, timeout=3600)
                self.done += 1
            except Exception:  # The background gives way: it is refused where callers leave no room.
                time.sleep(0.05)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def comparisons_part(options, checkpoint, trainings):
    print(f"LLM service, {options.precision}: one caller after the other, a user of {options.tokens} tokens each, with and without "
          f"comparisons in the background, in turns of {options.calls} calls")
    service = LLM(f"{options.programs}/illmrec-llm", checkpoint, "--precision", options.precision, "--trainings", trainings)
    first, second = load(service, "further")
    pauses, times, compared = 0.2, {False: [], True: []}, 0

    def calls():
        seconds = []
        for _ in range(options.calls):
            user = service.prompt(options.tokens)
            began = time.perf_counter()
            answers(service.stub.EncodeUsers, [llm_pb2.EncodeUsersRequest(users=[user], expected_space_fingerprint=first)])
            seconds.append(time.perf_counter() - began)
            # The callers leave the service time of its own, in which comparisons run.
            time.sleep(pauses * seconds[-1])
        return seconds

    calls()
    for turn in range(options.turns):
        for busy in ((False, True) if turn % 2 == 0 else (True, False)):
            if busy:
                with Comparisons(service, options, second) as comparisons:
                    times[True] += calls()
                compared += comparisons.done
            else:
                times[False] += calls()
    for name, share in (("median", 0.5), ("p99", 0.99)):
        alone, beside = (sorted(times[busy])[min(int(share * len(times[busy])), len(times[busy]) - 1)] for busy in (False, True))
        print(f"  {name} of a call: {alone * 1000:.0f} ms alone, {beside * 1000:.0f} ms beside comparisons ({beside / alone:.3f})")
    print(f"  {len(times[False])} calls each way, {compared} users compared meanwhile")
    service.stop()


def encoder_part(options, checkpoint, trainings):
    print(f"Encoder, {options.precision}, {options.images} images in a batch")
    service = Encoder(f"{options.programs}/illmrec-encoder", checkpoint, "--precision", options.precision, "--trainings", trainings)
    first, second = load(service, "further")

    def compute(mixed):
        half = options.images // 2
        items = [encoder_pb2.ImageItem(item_id=str(index), encoded=service.image()) for index in range(options.images)]
        outputs = [encoder_pb2.OUTPUT_SOFT_TOKEN]
        answers(service.stub.EncodeImages, [
            encoder_pb2.EncodeImagesRequest(
                items=[encoder_pb2.ImageItem(item_id="first", encoded=service.image())], outputs=outputs,
                space_fingerprint=first),
            encoder_pb2.EncodeImagesRequest(items=items[:half], outputs=outputs, space_fingerprint=first),
            encoder_pb2.EncodeImagesRequest(
                items=items[half:], outputs=outputs, space_fingerprint=second if mixed else first)])

    compare(service, options.rounds, compute)
    service.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True, help="as make_checkpoint.py writes it")
    parser.add_argument("--programs", default=".build/release")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--calls", type=int, default=25, help="of a turn with or without comparisons")
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--parts", default="llm,encoder,comparisons")
    options = parser.parse_args()
    tower = load_file(f"{options.checkpoint}/rec_module/model.safetensors")
    shape = (tower["rec_token"].shape[-1], tower["adaptor.proj_v2c.weight"].shape[1], tower["f_i_img.mlp.3.weight"].shape[0])
    del tower
    trainings = tempfile.mkdtemp(prefix="trainings-", dir=os.path.dirname(os.path.abspath(options.checkpoint)))
    try:
        write_training(options.checkpoint, f"{trainings}/further", shape)
        if "llm" in options.parts:
            llm_part(options, options.checkpoint, trainings)
        if "encoder" in options.parts:
            encoder_part(options, options.checkpoint, trainings)
        if "comparisons" in options.parts:
            comparisons_part(options, options.checkpoint, trainings)
    finally:
        shutil.rmtree(trainings)


if __name__ == "__main__":
    main()
