#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One training step, forward and backward, of the same samples: this project against PyTorch, in one run.

    bench.py CHECKPOINT --probe .build/release/TrainingProbe [--batch 8] [--precisions bf16,f32] [--rounds 3]

Each side loads the checkpoint in a process of its own, takes a step to warm up and then --rounds more, of which the median counts.
"""
import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FEATURES = {"cf": 50, "text": 768}
# Text tokens of the published prompts: before and after the items, and of each item around its soft token.
HEAD, TAIL, ITEM, QUESTION, ANSWER = 30, 60, 21, 110, 20


def numbers(generator, count):
    return [round(generator.gauss(0, 1), 4) for _ in range(count)]


def samples(count, width, vocabulary, items, seed=1):
    generator = random.Random(seed)

    def sequence(history, text):
        ids = [1] + [generator.randrange(3, vocabulary - 1) for _ in range(HEAD + len(history) * (ITEM + 1) + text)]
        return {"ids": ids, "positions": [HEAD + i * (ITEM + 1) for i in range(len(history))], "embeddings": history}

    result = []
    for _ in range(count):
        history = [numbers(generator, width) for _ in range(generator.randint(max(2, items - 3), items))]
        answer = sequence(history, QUESTION + ANSWER)
        targets = {space: {kind: numbers(generator, FEATURES.get(space, width)) for kind in ("positive", "negative")}
                   for space in ("img", "cf", "text")}
        result.append({"recommendation": sequence(history, TAIL), "answer": answer,
                       "labelStart": len(answer["ids"]) - ANSWER, "targets": targets})
    return result


def measure(command, rounds, environment=None):
    """Seconds of a step (median), what it computed, and the process's largest memory."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        seconds, answer = [], None
        for _ in range(rounds + 1):
            process.stdin.write("{}\n")
            process.stdin.flush()
            while True:
                line = process.stdout.readline()
                if not line:
                    sys.exit(f"{command[0]} ended early")
                answer = json.loads(line)
                if "seconds" in answer:
                    break
            seconds.append(answer["seconds"])
        answer |= answer.pop("result", {})
        answer["peak"] = answer.pop("peakBytes", None) or answer.pop("peak_bytes")
        return statistics.median(seconds[1:]), answer
    finally:
        process.kill()
        process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("--probe", required=True)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--items", type=int, default=10, help="most items of a history")
    parser.add_argument("--precisions", default="bf16,f32")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    shape = json.load(open(f"{options.checkpoint}/llm/config.json"))
    width = json.load(open(f"{options.checkpoint}/vision_tower/config.json"))["hidden_size"]
    batch = samples(options.batch, width, shape["vocab_size"], options.items)
    tokens = sum(len(s["recommendation"]["ids"]) + 1 + len(s["answer"]["ids"]) - 1 for s in batch)
    threads = len(os.sched_getaffinity(0))
    print(f"{options.checkpoint}: width {shape['hidden_size']}, {shape['num_hidden_layers']} layers; a batch of {options.batch} "
          f"samples, {tokens} tokens, {threads} threads")
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/samples.json"
        json.dump(batch, open(path, "w"))
        for precision in options.precisions.split(","):
            ours, found = measure([options.probe, options.checkpoint, precision, str(threads), path], options.rounds)
            environment = os.environ | {"PYTHONPATH": f"{HERE.parent}/ModelBenchmark/peers"}
            theirs, expected = measure(
                [sys.executable, f"{HERE}/peers/torch_step.py", options.checkpoint, precision, path], options.rounds,
                environment)
            for name, seconds, answer in (("illmrec", ours, found), ("PyTorch", theirs, expected)):
                print(f"{precision} {name}: {seconds:.3f} s a step, {options.batch / seconds:.3f} samples/s, "
                      f"{tokens / seconds:.0f} tokens/s, peak {answer['peak'] / 1e9:.1f} GB; ire {answer['ire']:.4f}, "
                      f"ila {answer['ila']:.4f}, gradient {answer['gradientNorm']:.4f}")
            print(f"{precision}: {theirs / ours:.2f} times PyTorch's speed", flush=True)


if __name__ == "__main__":
    main()
