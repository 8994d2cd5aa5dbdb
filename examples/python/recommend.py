#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From a history of item ids to recommended items, over gRPC.

    python recommend.py --items p0001,p0042                   asks the gateway
    python recommend.py --items p0001,p0042 --direct          asks the three services one after the other

The first run generates the stubs from the repository's protos/ into generated/ beside this file, and so does the first one
after the protos have changed.
"""

import argparse
import hashlib
import json
import pathlib
import struct
import sys
import uuid

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

HERE = pathlib.Path(__file__).resolve().parent
PROTOS = HERE.parent.parent / "protos"
GENERATED = HERE / "generated"


def generate_stubs():
    """Runs protoc when the generated code is of other .proto files than these, whatever their times say."""
    files = sorted(PROTOS.glob("illmrec/*/v1/*.proto"))
    if not files:
        sys.exit(f"{PROTOS} holds no .proto files; run this file from a clone of the repository")
    digest = hashlib.sha256(b"".join(b"%s\0%s\0" % (file.name.encode(), file.read_bytes()) for file in files)).hexdigest()
    stamp = GENERATED / ".complete"
    if stamp.exists() and stamp.read_text() == digest:
        return
    from grpc_tools import protoc

    GENERATED.mkdir(exist_ok=True)
    includes = ["-I", str(PROTOS), "-I", str(pathlib.Path(protoc.__file__).parent / "_proto")]
    outputs = [f"--python_out={GENERATED}", f"--grpc_python_out={GENERATED}"]
    if protoc.main(["protoc", *includes, *outputs, *map(str, files)]) != 0:
        sys.exit("protoc failed; its messages are above")
    stamp.write_text(digest)


generate_stubs()
sys.path.insert(0, str(GENERATED))

from illmrec.encoder.v1 import encoder_pb2, encoder_pb2_grpc  # noqa: E402
from illmrec.llm.v1 import llm_pb2, llm_pb2_grpc  # noqa: E402
from illmrec.recommender.v1 import recommender_pb2, recommender_pb2_grpc  # noqa: E402
from illmrec.retrieval.v1 import retrieval_pb2, retrieval_pb2_grpc  # noqa: E402

# Seconds that a call may take.
TIMEOUT = 60
# The services' own default; grpcio's is 4 MiB.
MESSAGE_BYTES = 64 << 20


def channel(target):
    limits = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)]
    return grpc.insecure_channel(target, options=limits)


def floats(tensor):
    """The values of a float32 tensor. With numpy: numpy.frombuffer(tensor.data, "<f4").reshape(tensor.shape)."""
    return struct.unpack(f"<{len(tensor.data) // 4}f", tensor.data)


def fail_on_error(result, what):
    """One element of a batch can fail while the others succeed."""
    if result.HasField("error"):
        sys.exit(f"{what}: {result.error.reason}: {result.error.message}")
    return result


def through_gateway(target, items, k):
    """One call: the gateway looks items up, encodes the user and searches."""
    request = recommender_pb2.RecommendRequest(
        request_id=str(uuid.uuid4()),
        k=k,
        users=[
            recommender_pb2.UserHistory(
                user_id="example", interactions=[recommender_pb2.Interaction(item_id=item) for item in items]
            )
        ],
    )
    with channel(target) as gateway:
        response = recommender_pb2_grpc.RecommenderServiceStub(gateway).Recommend(
            request, timeout=TIMEOUT
        )
    user = fail_on_error(response.results[0], "the user")
    answer = [(item.item_id, item.score, item.metadata.title) for item in user.items]
    return answer, response.served_by.version


def through_services(targets, items, k):
    """What the gateway does, step by step."""
    request_id = str(uuid.uuid4())
    with channel(targets.encoder) as encoder, channel(targets.llm) as llm, channel(targets.retrieval) as retrieval:
        catalog = encoder_pb2_grpc.EncoderServiceStub(encoder)
        search = retrieval_pb2_grpc.RetrievalServiceStub(retrieval)

        # 1. The release that answers: an index version, and the catalog snapshot and training that it was built from. A rollout's
        #    users are shared out by a formula (docs/rollouts.md); this example takes the stable version.
        routing = search.GetRouting(
            retrieval_pb2.GetRoutingRequest(target=retrieval_pb2.VersionSelector(index="default")), timeout=TIMEOUT
        ).routing
        release = routing.stable
        training = release.built_by.space_fingerprint
        snapshot = {"snapshot": release.catalog.snapshot, "catalog_id": release.catalog.id}

        # 2. The items' soft tokens and titles. Another item store, or a service without the training, refuses.
        found = catalog.LookupItems(
            encoder_pb2.LookupItemsRequest(
                item_ids=items, outputs=[encoder_pb2.OUTPUT_SOFT_TOKEN], space_fingerprint=training, **snapshot
            ),
            timeout=TIMEOUT,
        )
        history = [
            llm_pb2.HistoryItem(
                item_id=item.result.item_id, title=item.metadata.title, soft_token=item.result.soft_token
            )
            for item in found.items
            if fail_on_error(item.result, f"item {item.result.item_id}")
        ]

        # 3. The user's vector, by the same training.
        encoded = llm_pb2_grpc.LLMServiceStub(llm).EncodeUsers(
            llm_pb2.EncodeUsersRequest(
                request_id=request_id,
                users=[llm_pb2.UserPrompt(user_id="example", history=llm_pb2.History(items=history))],
                expected_space_fingerprint=training,
            ),
            timeout=TIMEOUT,
        )
        user = fail_on_error(encoded.results[0], "the user")
        vector = floats(user.user_vector)
        print(f"{user.prompt_tokens} prompt tokens -> a user vector of {len(vector)} values", file=sys.stderr)

        # 4. The items whose vectors fit it best, those of the history left out, in that very version.
        searched = search.Search(
            retrieval_pb2.SearchRequest(
                request_id=request_id,
                target=retrieval_pb2.VersionSelector(version=release.version),
                queries=[retrieval_pb2.Query(vector=user.user_vector, k=k, exclude_item_ids=items)],
                expected_space_fingerprint=training,
            ),
            timeout=TIMEOUT,
        )
        best = fail_on_error(searched.results[0], "the search").items

        # 5. Their titles.
        titles = catalog.LookupItems(
            encoder_pb2.LookupItemsRequest(
                item_ids=[item.item_id for item in best], space_fingerprint=training, **snapshot
            ),
            timeout=TIMEOUT,
        )
    answer = [
        (item.item_id, item.score, stored.metadata.title) for item, stored in zip(best, titles.items, strict=True)
    ]
    return answer, searched.served_by.version


def describe(error):
    """A failed call in one line: the code for machines on the way, the reason for programs, the message for people."""
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return f"{error.code().name} ({info.reason}): {error.details()}"
    return f"{error.code().name}: {error.details()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", required=True, help="item ids of the history, oldest first, separated by commas")
    parser.add_argument("-k", type=int, default=10, help="items to recommend (default: 10)")
    parser.add_argument("--direct", action="store_true", help="ask the three services instead of the gateway")
    parser.add_argument("--gateway", default="127.0.0.1:50050", metavar="TARGET")
    parser.add_argument("--encoder", default="127.0.0.1:50051", metavar="TARGET")
    parser.add_argument("--llm", default="127.0.0.1:50052", metavar="TARGET")
    parser.add_argument("--retrieval", default="127.0.0.1:50053", metavar="TARGET")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    items = [item.strip() for item in options.items.split(",") if item.strip()]

    try:
        if options.direct:
            answer, version = through_services(options, items, options.k)
        else:
            answer, version = through_gateway(options.gateway, items, options.k)
    except grpc.RpcError as error:
        sys.exit(describe(error))

    if options.json:
        found = [{"item_id": item, "score": score, "title": title} for item, score, title in answer]
        print(json.dumps({"index_version": version, "items": found}, indent=2))
        return
    print(f"from {version}")
    for rank, (item, score, title) in enumerate(answer, start=1):
        print(f"{rank:3}  {score:9.4f}  {item}  {title}")


if __name__ == "__main__":
    main()
