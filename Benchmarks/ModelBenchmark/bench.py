#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the services with Hugging Face transformers and llama.cpp on this machine, in turn, and writes BENCHMARKS.md.

scripts/bench-models.sh sets everything up and calls this. Every figure is a median of --rounds; a ratio is of medians of one run.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

import machine
from report import Report, table
from services import LLM, Encoder

HERE = pathlib.Path(__file__).resolve().parent
PARTS = ["prefill", "mixed", "users", "growth", "tower", "rankings"]
MIXED_LENGTHS = [150, 350, 210, 290, 180, 330, 240, 270]
HISTORY_ITEMS = 10
DESCRIPTION_TOKENS = 160


class Peer:
    """A framework in a process of its own (peers/)."""

    def __init__(self, script, argument):
        self.process = subprocess.Popen(
            [sys.executable, HERE / "peers" / script, argument], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL)
        self.load_seconds = self.read()["load_seconds"]

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args[1]} ended early; run it by hand to see why")
        answer = json.loads(line)
        self.peak_bytes = answer["peak_bytes"]
        return answer

    def seconds(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self.read()["seconds"]

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def timed(work):
    """Turns work into a function of no arguments that returns its seconds."""
    def run():
        begin = time.perf_counter()
        work()
        return time.perf_counter() - begin
    return run


def gigabytes(count):
    return f"{count / 1e9:.2f} GB"


def resources(report, name, service):
    report.note(f"{name}: ready after {service.load_seconds:.1f} s, {gigabytes(service.resident_bytes)} resident, "
                f"{gigabytes(service.load_peak_bytes)} at most while loading")


def compare_llm(report, options, peaks, precision, gguf):
    label = f"ours, {precision}"
    # Prompts are new each time, so the cache would only hold what nobody asks for again.
    llm = LLM(options.llm, options.checkpoint, "--precision", precision, "--prefix-cache-bytes", "0")
    resources(report, label, llm)
    hf = Peer("hf_llm.py", f"{options.checkpoint}/llm")
    report.note(f"HF transformers, bf16: ready after {hf.load_seconds:.1f} s, {gigabytes(hf.peak_bytes)} at most")
    cpp = Peer("llama_cpp_llm.py", gguf)
    report.note(f"llama.cpp, {pathlib.Path(gguf).stem}: ready after {cpp.load_seconds:.1f} s, {gigabytes(cpp.peak_bytes)} at most")
    llm.prefill([16])
    peak = peaks.of(precision)
    work = peak and (machine.llm_operations(options.checkpoint), peak)
    others = lambda lengths: {  # noqa: E731
        "HF transformers, bf16": lambda: hf.seconds(lengths=lengths),
        f"llama.cpp, {pathlib.Path(gguf).stem.split('-')[-1]}": lambda: cpp.seconds(lengths=lengths)}
    for length in options.lengths if "prefill" in options.parts else []:
        report.compare(f"prefill, {length} tokens", length, "tokens/s",
                       {label: timed(lambda: llm.prefill([length])), **others([length])}, work)
    if "mixed" in options.parts:
        report.compare("8 users of 150 to 350 tokens at once", sum(MIXED_LENGTHS), "tokens/s",
                       {label: timed(lambda: llm.prefill(MIXED_LENGTHS)), **others(MIXED_LENGTHS)}, work)
    if "users" in options.parts:
        compare_users(report, options, label, llm, hf)
    cpp.stop()
    hf.stop()
    report.note(f"{label}: {gigabytes(llm.resident_bytes)} resident after the work")
    profile = machine.operators_of(llm.process.pid, lambda: llm.prefill([256]), seconds=8)
    llm.stop()
    return profile


def compare_users(report, options, label, llm, hf):
    """Ten-item histories over RPC, as many at a time as one request takes."""
    count = options.users
    users = [llm.history([llm.item() for _ in range(HISTORY_ITEMS)]) for _ in range(count)]
    lengths = [llm.tokens(user) for user in users]
    described = [llm.prompt(min(4000, tokens + HISTORY_ITEMS * DESCRIPTION_TOKENS)) for tokens in lengths[:max(1, count // 4)]]

    def published():
        return sum(hf.seconds(lengths=[length], logits=True) for length in lengths)

    per_100 = 100 / count
    medians = report.compare(
        f"{count} users, {HISTORY_ITEMS}-item histories over RPC, image prompts ({statistics.mean(lengths):.0f} tokens)", count, "users/s",
        {label: timed(lambda: llm.encode(users)), "HF as published (batch 1, all logits)": published})
    report.note(f"{label}: {medians[label] * per_100:.0f} s for 100 users; HF as published "
                f"{list(medians.values())[1] * per_100:.0f} s")
    seconds = statistics.median(timed(lambda: llm.encode(described))() for _ in range(options.rounds)) / len(described)
    tokens = llm.tokens(described[0])
    report.note(f"{label}: description prompts ({tokens} tokens) take {seconds * 100:.0f} s for 100 users, "
                f"{seconds * count / medians[label]:.1f}x the image prompts")


def compare_growth(report, options, precision):
    """A user comes back with one more item."""
    llm = LLM(options.llm, options.checkpoint, "--precision", precision)
    ratios = []
    for _ in range(2 * options.rounds + 1):
        items = [llm.item() for _ in range(HISTORY_ITEMS - 1)]
        first = timed(lambda: llm.encode([llm.history(items)]))()
        items.append(llm.item())
        results = []
        again = timed(lambda: results.extend(llm.encode([llm.history(items)])))()
        ratios.append(first / again)
        report.note(f"ours, {precision}: {HISTORY_ITEMS - 1} items {first:.2f} s, then one more {again:.2f} s "
                    f"({results[0].cached_tokens} of {results[0].prompt_tokens} tokens from the cache), {first / again:.1f}x")
    report.row("a user's next request after one more item", f"ours, {precision}", "", "", "",
               f"{statistics.median(ratios):.2f}x the first request")
    llm.stop()


def compare_tower(report, options, peaks):
    encoders = {f"ours, {precision}": Encoder(options.encoder, options.checkpoint, "--precision", precision)
                for precision in options.precisions}
    hf = Peer("hf_tower.py", f"{options.checkpoint}/vision_tower")
    report.note(f"HF SigLIP, bf16: ready after {hf.load_seconds:.1f} s, {gigabytes(hf.peak_bytes)} at most")
    for name, encoder in encoders.items():
        resources(report, f"{name}, encoder", encoder)
    profiles = {}
    for precision, (name, encoder) in zip(options.precisions, encoders.items()):
        peak = peaks.of(precision)
        for batch in (1, 8):
            report.compare(f"vision tower, {batch} JPEG{'s' if batch > 1 else ''} over RPC", batch, "images/s",
                           {name: timed(lambda: encoder.encode(batch)), "HF SigLIP, bf16 (pixels ready)": lambda: hf.seconds(images=batch)},
                           peak and (machine.tower_operations(options.checkpoint), peak))
        profiles[f"tower, {precision}"] = machine.operators_of(encoder.process.pid, lambda: encoder.encode(8), seconds=8)
        encoder.stop()
    hf.stop()
    return profiles


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--gguf", required=True, help="directory of llm-bf16.gguf and llm-q8_0.gguf")
    parser.add_argument("--llm", default=str(machine.ROOT / ".build/release/illmrec-llm"))
    parser.add_argument("--encoder", default=str(machine.ROOT / ".build/release/illmrec-encoder"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--lengths", type=int, nargs="+", default=[256])
    parser.add_argument("--precisions", nargs="+", default=["bf16", "int8"], choices=["bf16", "int8"])
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    parser.add_argument("--out", default=str(machine.ROOT / "BENCHMARKS.md"))
    parser.add_argument("--catalog", help="directory of items.jsonl, leave_one_out.jsonl and images, for the part rankings")
    parser.add_argument("--catalog-items", type=int, default=500)
    parser.add_argument("--catalog-users", type=int, default=200)
    options = parser.parse_args()
    if "rankings" in options.parts and not options.catalog:
        print("rankings: left out; --catalog DIR names the catalog to compare precisions on")
        options.parts = [part for part in options.parts if part != "rankings"]
    run(options)


def run(options):
    report, peaks, profiles = Report(options.rounds), machine.Peaks(), {}
    print(peaks.sentence())
    if {"prefill", "mixed", "users"} & set(options.parts):
        for precision in options.precisions:
            kind = {"bf16": "bf16", "int8": "q8_0"}[precision]
            profiles[f"LLM, {precision}"] = compare_llm(report, options, peaks, precision, f"{options.gguf}/llm-{kind}.gguf")
    if "growth" in options.parts:
        for precision in options.precisions:
            compare_growth(report, options, precision)
    if "tower" in options.parts:
        profiles |= compare_tower(report, options, peaks)
    if "rankings" in options.parts:
        from rankings import compare_rankings
        compare_rankings(report, options)
    if peaks.products():
        report.section("Matrix products", table(["format", "path", "rows", "outputs", "inputs", "GFLOP/s", "of its peak"],
                                                peaks.products()))
    profiles = {name: shares for name, shares in profiles.items() if shares}
    if profiles:
        rows = [[operator, *(f"{shares[operator]:.1f}%" for shares in profiles.values())]
                for operator in next(iter(profiles.values()))]
        report.section("Where the processors' time goes", table(["prefill of 256 tokens; batches of 8 images", *profiles], rows))
    report.section("What would be tried next", (HERE / "next.md").read_text().strip())
    report.write(options.out, peaks.sentence())
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
