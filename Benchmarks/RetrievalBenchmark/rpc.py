# SPDX-License-Identifier: Apache-2.0
"""The retrieval service itself: a large version published over RPC, and single searches over RPC."""
import os
import pathlib
import shutil
import signal
import subprocess
import time

import grpc

from exact import K
from vectors import VectorSet

MESSAGE_BYTES = 64 << 20
ROWS_OF_CHUNK = 4096
SEARCHES = 100


class Service:
    def __init__(self, program, data, threads):
        self.port_file = pathlib.Path(f"{data}.port")
        self.port_file.unlink(missing_ok=True)
        begin = time.perf_counter()
        self.log = open(f"{data}.log", "w")
        self.process = subprocess.Popen(
            [program, "--data", data, "--threads", str(threads), "--port", "0", "--port-file", self.port_file],
            stdout=self.log, stderr=subprocess.STDOUT)
        while not self.port_file.exists():
            if self.process.poll() is not None:
                raise SystemExit(f"{program} did not start: see {data}.log")
            time.sleep(0.02)
        self.start_seconds = time.perf_counter() - begin
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port_file.read_text().strip()}", options=[
            ("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)])

    def memory(self, field):
        """RssAnon is what the process alone has; RssFile are mapped pages, which the system takes back when it needs them."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))

    def stop(self):
        self.channel.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.log.close()


def publish_over_rpc(report, options, count, dim):
    # Generated when the benchmark is set up, so not at hand where only other parts run.
    from illmrec.common.v1 import common_pb2
    from illmrec.retrieval.v1 import index_admin_pb2, index_admin_pb2_grpc, retrieval_pb2, retrieval_pb2_grpc

    vectors = VectorSet(options.dir, count, dim)
    size = f"{count // 1_000_000}M x {dim}" if count >= 1_000_000 else f"{count // 1000}k x {dim}"
    data = vectors.folder / "rpc"
    shutil.rmtree(data, ignore_errors=True)
    service = Service(options.service, data, options.threads)

    def tensor(rows):
        return common_pb2.Tensor(data_type=common_pb2.DATA_TYPE_FLOAT32, shape=list(rows.shape), data=rows.tobytes())

    def messages():
        yield index_admin_pb2.CreateVersionRequest(header=dict(
            index="items", dim=dim, built_by=common_pb2.ModelRef(space_fingerprint="benchmark")))
        items = vectors.items()
        for first in range(0, count, ROWS_OF_CHUNK):
            rows = items[first:first + ROWS_OF_CHUNK]
            yield index_admin_pb2.CreateVersionRequest(chunk=dict(
                item_ids=[f"{row:09d}" for row in range(first, first + len(rows))], vectors=tensor(rows)))
        yield index_admin_pb2.CreateVersionRequest(commit=dict(item_count=count))

    begin = time.perf_counter()
    index_admin_pb2_grpc.IndexAdminServiceStub(service.channel).CreateVersion(messages())
    seconds = time.perf_counter() - begin
    report.note(f"{size}: published over RPC in {seconds:.1f} s, {count * dim * 4 / seconds / 1e6:.0f} MB/s, sent, written, made "
                f"durable, read back and checked; at most {service.memory('VmHWM') / 1e9:.2f} GB resident, mapped files among them")
    service.stop()

    service = Service(options.service, data, options.threads)
    search = retrieval_pb2_grpc.RetrievalServiceStub(service.channel).Search
    requests = [retrieval_pb2.SearchRequest(target=dict(index="items"), queries=[dict(k=K, vector=tensor(row))])
                for row in vectors.queries()[:SEARCHES]]

    def run():
        begin = time.perf_counter()
        for request in requests:
            search(request)
        return time.perf_counter() - begin

    run()
    report.compare(f"{size}, one query at a time over RPC", {"ours, exact": (SEARCHES, run)})
    report.note(f"{size}: ready {service.start_seconds:.1f} s after the start, every file checked; {service.memory('RssAnon') / 1e9:.2f} GB "
                f"of its own and {service.memory('RssFile') / 1e9:.2f} GB of mapped files")
    service.stop()
    shutil.rmtree(data)
    os.unlink(f"{data}.log")
    os.unlink(f"{data}.port")
