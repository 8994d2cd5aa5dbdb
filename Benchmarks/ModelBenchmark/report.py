# SPDX-License-Identifier: Apache-2.0
"""Figures of one run: printed as they come, written as BENCHMARKS.md at the end."""
import os
import statistics

import machine


class Report:
    def __init__(self, rounds):
        self.rounds, self.rows, self.notes, self.sections = rounds, [], [], []

    def compare(self, what, amount, unit, contenders, work=None):
        """Runs the contenders in turn; each returns the seconds it took for `amount`. The first is what the others are held
        against. `work` is the operations in one of `amount` and the first's peak in operations a second."""
        seconds = {name: [] for name in contenders}
        for _ in range(self.rounds):
            for name, run in contenders.items():
                seconds[name].append(run())
        medians = {name: statistics.median(values) for name, values in seconds.items()}
        first = next(iter(medians))
        for name, median in medians.items():
            spread = f"{min(seconds[name]):.2f} to {max(seconds[name]):.2f}"
            share = "" if not work else f"{100 * work[0] * amount / median / work[1]:.0f}%"
            self.row(what, name, f"{amount / median:.4g} {unit}", f"{median:.3g} s ({spread})", share,
                     "" if name == first else f"{median / medians[first]:.2f}x")
        return medians

    def row(self, *cells):
        self.rows.append(cells)
        print(" | ".join(cells), flush=True)

    def note(self, text):
        self.notes.append(text)
        print(text, flush=True)

    def section(self, title, text):
        self.sections.append(f"## {title}\n\n{text}\n")
        print(f"{title}\n{text}", flush=True)

    def write(self, path, peaks):
        with open(path, "w") as file:
            file.write(f"# Benchmarks\n\nWritten by `make bench-models`. {machine.cpu()}, {len(os.sched_getaffinity(0))} threads, "
                       f"{', '.join(machine.features())}; {machine.versions()}. Medians of {self.rounds} rounds that alternate "
                       "between the contenders; a ratio is of medians of this run.\n\n"
                       f"{peaks}\n\n"
                       "| work | engine | rate | seconds (least to most) | of the peak | ours is |\n"
                       "| --- | --- | --- | --- | --- | --- |\n")
            for row in self.rows:
                file.write("| " + " | ".join(row) + " |\n")
            file.write("\n" + "\n".join(f"- {note}" for note in self.notes) + "\n")
            for section in self.sections:
                file.write(f"\n{section}")


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
