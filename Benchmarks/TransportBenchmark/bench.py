#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the echo benchmark: alternates the servers over several rounds and prints medians and ratios."""

import argparse
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time that the process has used."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(server, client, in_flight, payload, warm_up, seconds):
    process = subprocess.Popen(
        [client, str(server["port"]), str(in_flight), str(payload), str(warm_up), str(seconds)],
        stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().strip() == "measuring", "the client ended early"
    before = cpu_seconds(server["process"].pid)
    line = process.stdout.readline()
    after = cpu_seconds(server["process"].pid)
    if process.wait() != 0:
        sys.exit(f"the client failed against {server['name']}")
    result = json.loads(line)
    return {
        "qps": result["calls"] / result["seconds"],
        "cpu_us": (after - before) / result["calls"] * 1e6,
        "p50_us": result["p50_us"],
        "p99_us": result["p99_us"],
    }


def start(name, command):
    """Starts a server, which prints its port; "{port_file}" in the command stands for the file in which a service does."""
    with tempfile.TemporaryDirectory() as directory:
        port_file = f"{directory}/port"
        arguments = [part.replace("{port_file}", port_file) for part in shlex.split(command)]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        if port_file in arguments:
            while not os.path.exists(port_file) and process.poll() is None:
                time.sleep(0.05)
            port = pathlib.Path(port_file).read_text().strip() if process.poll() is None else ""
        else:
            port = process.stdout.readline().strip()
    if not port.isdigit() or int(port) == 0:
        sys.exit(f"{name} did not start")
    return {"name": name, "process": process, "port": int(port)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", action="append", required=True, metavar="NAME=COMMAND")
    parser.add_argument("--client", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--warm-up", type=float, default=0.5)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--payload", type=int, nargs="+", default=[100, 10240])
    parser.add_argument("--json", help="also write every round's figures to this file")
    options = parser.parse_args()

    servers = [start(*spec.split("=", 1)) for spec in options.server]
    records = []
    try:
        for payload in options.payload:
            for in_flight in options.in_flight:
                rounds = {server["name"]: [] for server in servers}
                for _ in range(options.rounds):
                    for server in servers:
                        rounds[server["name"]].append(
                            measure(server, options.client, in_flight, payload, options.warm_up, options.seconds))
                records.append({"payload": payload, "in_flight": in_flight, "rounds": rounds})
                report(records[-1])
    finally:
        for server in servers:
            server["process"].terminate()
            server["process"].wait()
    if options.json:
        with open(options.json, "w") as file:
            json.dump(records, file, indent=1)


def report(record):
    medians = {
        name: {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
        for name, rounds in record["rounds"].items()
    }
    names = list(medians)
    print(f"\nunary echo, {record['payload']} B, {record['in_flight']} in flight (medians)")
    print(f"  {'server':<14}{'QPS':>9}{'CPU us/RPC':>12}{'p50 us':>9}{'p99 us':>9}   QPS relative to "
          + ", ".join(names[1:]))
    for name in names:
        m = medians[name]
        ratios = ", ".join(f"{m['qps'] / medians[other]['qps']:.2f}x" for other in names[1:])
        print(f"  {name:<14}{m['qps']:>9.0f}{m['cpu_us']:>12.1f}{m['p50_us']:>9.0f}{m['p99_us']:>9.0f}   {ratios}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
