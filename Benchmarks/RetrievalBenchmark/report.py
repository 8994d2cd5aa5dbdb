# SPDX-License-Identifier: Apache-2.0
"""Figures of one run: medians of rounds in which the contenders take turns, and ratios of those medians."""
import importlib.metadata
import os
import statistics


class Report:
    def __init__(self, rounds):
        self.rounds, self.rows, self.notes = rounds, [], []

    def compare(self, what, contenders):
        """Runs the contenders in turn. Each is a pair: queries it answers, and what answers them and returns the seconds.

        The first is ours, and the others are held against it. Returns queries a second by name.
        """
        seconds = {name: [] for name in contenders}
        for _ in range(self.rounds):
            for name, (_, run) in contenders.items():
                seconds[name].append(run())
        rates = {name: contenders[name][0] / statistics.median(values) for name, values in seconds.items()}
        ours = next(iter(rates.values()))
        for name, rate in rates.items():
            count = contenders[name][0]
            spread = f"{count / max(seconds[name]):.0f} to {count / min(seconds[name]):.0f}"
            self.row(what, name, f"{rate:.0f}", spread, "" if rate == ours else f"{ours / rate:.2f}x")
        return rates

    def row(self, *cells):
        self.rows.append(cells)
        print(" | ".join(cells), flush=True)

    def note(self, text):
        self.notes.append(text)
        print(text, flush=True)

    def write(self, path):
        cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
        with open(path, "w") as file:
            file.write(f"# Retrieval\n\nWritten by `make bench-retrieval`. {cpu}, {len(os.sched_getaffinity(0))} threads; "
                       f"faiss-cpu {importlib.metadata.version('faiss-cpu')}. Medians of {self.rounds} rounds that alternate between "
                       "the contenders. The last column says how many times faster ours is than that row.\n\n"
                       "| work | engine | queries/s | least to most | ours is |\n| --- | --- | --- | --- | --- |\n")
            for row in self.rows:
                file.write("| " + " | ".join(row) + " |\n")
            file.write("\n" + "\n".join(f"- {note}" for note in self.notes) + "\n")
