# SPDX-License-Identifier: Apache-2.0
"""What this machine can do, what the models ask of it, and where a service's time goes."""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def cpu():
    return next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")


def features():
    flags = next(line for line in open("/proc/cpuinfo") if line.startswith("flags")).split()
    wanted = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni", "amx_bf16", "amx_int8")
    return [flag for flag in wanted if flag in flags]


def versions():
    from importlib.metadata import PackageNotFoundError, version
    found = []
    for name in ("torch", "transformers", "llama-cpp-python"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} of an unknown version")
    return ", ".join(found)


class Peaks:
    """Operations a second of both instructions, and the products' own speeds, by scripts/bench-gemm.sh."""

    def __init__(self):
        self.text = subprocess.run([ROOT / "scripts/bench-gemm.sh"], check=True, capture_output=True, text=True).stdout
        found = re.search(r"float32 FMA (\d+), bfloat16 pairs (\d+), int8 VNNI (\d+)", self.text)
        self.float32, self.bfloat16, self.int8 = (1e9 * int(value) for value in found.groups()) if found else (None,) * 3

    def of(self, precision):
        """bf16 is multiplied in pairs or, widened in registers, in 32 bits: by whichever is faster."""
        if self.float32 is None:
            return None
        return self.int8 if precision == "int8" else max(self.float32, self.bfloat16)

    def sentence(self):
        if self.float32 is None:
            return "The peak of this CPU, which has no AVX-512, was not measured."
        return (f"Peaks measured in this run, both threads: 32-bit FMA {self.float32 / 1e9:.0f} GFLOP/s, bfloat16 pairs "
                f"{self.bfloat16 / 1e9:.0f}, int8 VNNI {self.int8 / 1e9:.0f}. The share is of the faster of the first two for bf16, "
                "of the last for int8, and counts the matrix products' operations alone.")

    def products(self):
        """Rows of the table of products: format and path, rows, outputs, inputs, GFLOP/s, share."""
        return [line.split()[:-1] for line in self.text.splitlines() if re.match(r"(bfloat16|int8) avx512", line)]


def llm_operations(checkpoint):
    """Of one token's matrix products."""
    shape = json.load(open(f"{checkpoint}/llm/config.json"))
    width, mlp = shape["hidden_size"], shape["intermediate_size"]
    head = width // shape["num_attention_heads"]
    attention = width * (2 * width + 2 * head * shape["num_key_value_heads"])
    return 2 * shape["num_hidden_layers"] * (attention + 3 * width * mlp)


def tower_operations(checkpoint):
    """Of one image's matrix products."""
    shape = json.load(open(f"{checkpoint}/vision_tower/config.json"))
    width, mlp = shape["hidden_size"], shape["intermediate_size"]
    patches = (shape["image_size"] // shape["patch_size"]) ** 2
    return 2 * patches * shape["num_hidden_layers"] * (4 * width * width + 2 * width * mlp)


# What a function's name says of the operator it belongs to; the first that fits.
OPERATORS = [
    ("matrix products", r"^(widened|native|int8|multiply_panel\w*|portable\w*|sgemm_\w+)\b"),
    ("packing and rounding of rows", r"^(pack_rows|pack_slabs|spread|transpose|measure_row|int8_words|bfloat16_words)"),
    ("attention", r"^(attend|pack_avx|unpack_avx|softmax)"),
    ("norms, activations, RoPE", r"^(rms_norm|layer_norm|silu|gelu|rotate|add_|scale_)"),
    ("copies, prefix cache among them", r"^(widen|narrow|copy_|__mem)"),
    ("threads waiting awake", r"^(run_worker|illmrec_team_run|close_job|join_next_job)"),
]


def operators_of(process, work, seconds):
    """Shares of the process's processor time by operator, while `work` runs; None without perf."""
    if not shutil.which("perf"):
        return None
    with tempfile.TemporaryDirectory() as directory:
        recorder = subprocess.Popen(["perf", "record", "-q", "-F", "499", "-p", str(process), "-o", f"{directory}/data"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        begin = time.perf_counter()
        while time.perf_counter() - begin < seconds:
            work()
        recorder.send_signal(signal.SIGINT)
        recorder.wait()
        text = subprocess.run(["perf", "report", "-i", f"{directory}/data", "--sort", "symbol", "--stdio", "-q"],
                              capture_output=True, text=True).stdout
    shares = dict.fromkeys([name for name, _ in OPERATORS] + ["the kernel", "everything else"], 0.0)
    for percent, space, name in re.findall(r"^\s*([\d.]+)%\s+\[(.)\]\s+(\S+)", text, re.MULTILINE):
        fitting = (operator for operator, pattern in OPERATORS if re.match(pattern, name))
        shares["the kernel" if space == "k" else next(fitting, "everything else")] += float(percent)
    return shares if sum(shares.values()) > 0 else None
