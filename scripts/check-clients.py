#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs docs/clients.md: the commands and programs of each language whose tools Debian and PyPI have, against a RetrievalService with
nothing in it. Each client must print the service's version.

Usage: scripts/check-clients.py [PROGRAM_DIRECTORY] [LANGUAGE ...]; programs are in .build/debug by default. Installs packages, as root."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "clients.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What is written to a file, how it is run, and the shell blocks of the page that this machine's registries cannot serve.
LANGUAGES = {
    "Python": ("python", "client.py", "PYTHONPATH=stubs/python .venv-client/bin/python client.py", []),
    "C++": ("cpp", "client.cc", "./client", []),
    # Debian's Go packages are found by path, not by module.
    "Go": ("go", "client.go", "mkdir -p gopath/src && cp -r stubs/go/illmrec gopath/src/ && "
           "GO111MODULE=off GOPATH=$PWD/gopath:/usr/share/gocode go run client.go", ["go mod"]),
    "Java": ("java", "Client.java", "true", []),
    "Without .proto files": ("python", "reflection.py", ".venv-client/bin/python reflection.py", ["grpcurl"]),
}
GO_PACKAGES = "golang-google-grpc-dev golang-google-protobuf-dev golang-github-golang-protobuf-1-5-dev"


def sections() -> dict[str, list[tuple[str, str]]]:
    """The code blocks below each heading: language and text."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(), flags=re.MULTILINE)
    return {name: BLOCK.findall(text) for name, text in zip(parts[1::2], parts[2::2])}


def shell(command: str, directory: pathlib.Path) -> str:
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=directory, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"This command of docs/clients.md failed with exit code {done.returncode}:\n{command}")
    return done.stdout


def as_root(command: str) -> str:
    """Without sudo where the user is root, and without questions."""
    command = command.replace("apt-get install", "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends")
    return command.replace("sudo ", "sudo -E " if os.geteuid() else "")


def run_language(name: str, blocks: list[tuple[str, str]], port: str, directory: pathlib.Path) -> str:
    code, file, last, skipped = LANGUAGES[name]
    program = next(text for kind, text in blocks if kind == code)
    (directory / file).write_text(program.replace("50053", port))
    if name == "Go":
        shell(as_root(f"sudo apt-get install {GO_PACKAGES} >&2"), directory)
    output = ""
    for kind, text in blocks:
        if kind == "sh" and not any(words in text for words in skipped):
            output = shell(as_root(text), directory)
    return shell(last, directory) or output


def main() -> None:
    arguments = sys.argv[1:]
    programs = pathlib.Path(arguments.pop(0) if arguments else ROOT / ".build/debug").resolve()
    names = arguments or list(LANGUAGES)
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch)
        (directory / "protos").symlink_to(ROOT / "protos")
        service = subprocess.Popen(
            [programs / "illmrec-retrieval", "--data", directory / "index", "--port", "0", "--port-file", directory / "port",
             "--log-level", "warning"])
        try:
            while not (directory / "port").exists() and service.poll() is None:
                time.sleep(0.05)
            port = (directory / "port").read_text().strip()
            version = shell(f"{programs}/illmrec-retrieval --version", directory).strip()
            found = sections()
            for name in names:
                print(f"{name}: ", end="", flush=True)
                said = run_language(name, found[name], port, directory).strip().splitlines()[-1]
                if said != version:
                    sys.exit(f"printed {said}, not the service's version {version}")
                print(f"answered by {said}", flush=True)
                shutil.rmtree(directory / "stubs", ignore_errors=True)
        finally:
            service.terminate()
            service.wait()


if __name__ == "__main__":
    main()
