// SPDX-License-Identifier: Apache-2.0

import GRPCCore

extension FailureCatalog {
  static let searches = Area(
    title: "Searches and outcomes",
    entries: [
      Entry(
        .noQueries, .invalidArgument, fields: ["queries"], "The request has no queries.",
        remedy: "Send at least one."),
      Entry(
        .tooManyQueries, .invalidArgument, fields: ["queries", "offers", "failed_baseline", "failed_candidate"],
        "The request has more queries, or users to compare, than max_queries_per_request of GetServerInfo.",
        remedy: "Split the request, or use StreamSearch."),
      Entry(
        .queryMissing, .invalidArgument, fields: ["query"],
        "A message of a stream after the first holds no query.",
        remedy: "Send the config once and then only queries."),
      Entry(
        .queryIDMissing, .invalidArgument, fields: ["query.query_id"],
        "A query of a stream has no id.", remedy: "Give each query an id."),
      Entry(
        .kInvalid, .invalidArgument, fields: fields(["k"], in: queryPlaces),
        "`k` is 0, or the two queries of a comparison ask for different numbers of items.",
        remedy: "Ask for at least one item, and for as many of both versions."),
      Entry(
        .kTooLarge, .invalidArgument, fields: fields(["k"], in: queryPlaces) + ["k"],
        "`k` is larger than max_k of GetServerInfo, or than Milvus can answer with the query's filters.",
        remedy: "Ask for fewer items, or narrow the filters."),
      Entry(
        .methodUnknown, .invalidArgument, fields: ["method", "config.method"],
        "This server does not know the search method.",
        remedy: "Use EXACT, APPROXIMATE or none, or upgrade the server."),
      Entry(
        .efTooLarge, .invalidArgument, fields: ["ef", "config.ef"],
        "`ef` is larger than 100,000.", remedy: "Send a smaller one, or ask for an exact search."),
      Entry(
        .vectorsInvalid, .invalidArgument,
        fields: fields(["vectors", "vectors[j].space_fingerprint"], in: queryPlaces),
        "A query has both `vector` and `vectors`, more than 8 of them, one that names no training, or two of one training.",
        remedy: "Send one vector, or one for each training with the training's space fingerprint."),
      Entry(
        .servingStateChanged, .aborted, fields: fields(["expected_version", "fell_back_from"], in: searchedPlaces),
        "The query was made for a version that does not answer its routing key any more.",
        remedy:
          "Ask for the routing again with GetRouting, encode the user for the version that it names, and search again.",
        retry: .afterReading),
      Entry(
        .failureInvalid, .invalidArgument, fields: ["failures[i].reason"],
        "The reason of a reported failure is no name of an error.",
        remedy: "Send capital letters, digits and '_', beginning with a letter, at most 64 bytes."),
      Entry(
        .tooManyFailures, .invalidArgument, fields: ["failures"],
        "The request has more failures than max_queries_per_request of GetServerInfo.",
        remedy: "Split the request."),
      Entry(
        .scoreOverflow, .invalidArgument,
        fields: fields(["vector", "vectors[j].vector"], in: queryPlaces) + ["chunk.vectors"],
        "Inner products of a query's vector, or of an uploaded item's, could leave float32's range.",
        remedy: "Scale the vectors down; the message names the item."),
      Entry(
        .outcomeInvalid, .invalidArgument,
        fields: fields(["item_id", "kind"], in: ["outcomes[i]"]),
        "An outcome lacks its item_id or its kind, or the kind is too long. No outcome of the request was counted.",
        remedy: "Set both; a kind has 1 to 64 bytes."),
      Entry(
        .noOutcomes, .invalidArgument, fields: ["outcomes"], "The request has no outcomes.",
        remedy: "Send at least one."),
      Entry(
        .tooManyOutcomes, .invalidArgument, fields: ["outcomes"],
        "The request has more outcomes than max_queries_per_request of GetServerInfo.",
        remedy: "Split the request."),
    ])

  private static let categoryFields: [String] =
    ["chunk.categories", "chunk.categories[i].names[j]"]
    + fields(["exclude_categories[j]", "include_categories[j]"], in: queryPlaces)
    + ["exclude_categories[i]", "include_categories[i]"]
  private static let headerFields = fields(
    [
      "dim", "built_by.name", "built_by.version", "built_by.fingerprint", "built_by.space_fingerprint", "actor",
      "request_id", "labels", "graph.build", "graph.m", "graph.ef_construction", "catalog.id", "catalog.snapshot",
      "catalog.fingerprint",
    ], in: ["header"])

  static let versions = Area(
    title: "Index versions",
    entries: [
      Entry(
        .indexNameInvalid, .invalidArgument,
        fields: indexFields + ["header.index"] + versionFields + namedVersionFields,
        "The name of an index is not allowed.",
        remedy: "Use 1 to 64 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit."),
      Entry(
        .indexNotFound, .notFound, fields: indexFields + versionFields,
        "There is no index of that name.", remedy: "Publish a version of it first (illmrec index publish)."),
      Entry(
        .nothingServes, .failedPrecondition, fields: indexFields + versionFields,
        "The index has versions and none of them serves: a start found no released one that is sound.",
        remedy: "Choose the version that should serve: illmrec index list, illmrec index promote N.",
        retry: .afterRepair),
      Entry(
        .versionNameInvalid, .invalidArgument, fields: versionFields + namedVersionFields,
        "The name of a version is not of the form INDEX/versions/NUMBER.",
        remedy: "Copy it from ListVersions."),
      Entry(
        .versionNotFound, .notFound, fields: versionFields,
        "There is no version of that name.", remedy: "Choose one from ListVersions."),
      Entry(
        .versionInUse, .failedPrecondition, fields: ["name"],
        "The version has a role and cannot be deleted.",
        remedy: "Promote another version, or end the rollout, and delete it then.", retry: .afterRepair),
      Entry(
        .versionCorrupt, .dataLoss,
        "What is stored of a version, or of what serves, is not what was written.",
        remedy:
          "Roll back to another version or publish this one again; look at the disk, or at who changed the collection.",
        retry: .afterRepair),
      Entry(
        .comparisonTooLarge, .invalidArgument, fields: ["query_count", "k"],
        "A comparison asks for too many queries or items.",
        remedy: "Ask for at most 1,000 queries and max_k items."),
      Entry(
        .headerInvalid, .invalidArgument,
        fields: headerFields,
        "A field of an upload's header is out of its range; the message says which.",
        remedy: "Correct that field."),
      Entry(
        .itemDuplicate, .invalidArgument,
        "An item came twice in one upload.", remedy: "Send each item once."),
      Entry(
        .categoryInvalid, .invalidArgument,
        fields: categoryFields,
        "A category is empty or too long, there are too many, or a chunk has not one list per item.",
        remedy: "Send one list per item or none; categories are for filtering, not for what differs in every item."),
      Entry(
        .uploadOutOfOrder, .invalidArgument, fields: ["header", "chunk", "commit"],
        "The messages of an upload come in another order than header, chunks, commit.",
        remedy: "Send them in that order."),
      Entry(
        .uploadNotCommitted, .aborted,
        "The stream ended without a commit; nothing was published.",
        remedy: "Upload again, and end with a commit.", retry: .later()),
      Entry(
        .uploadEnded, .failedPrecondition,
        "Something came for an upload that is over.", remedy: "Begin a new upload."),
      Entry(
        .uploadIdle, .aborted,
        "The upload sent nothing for --upload-idle-timeout and was ended; nothing was published.",
        remedy: "Upload again without pauses.", retry: .later()),
      Entry(
        .uploadInProgress, .aborted,
        "Another upload with the same request_id is being published.",
        remedy: "Send it again in a moment: the answer is then the version of the other.", retry: .later(.seconds(1))),
      Entry(
        .tooManyUploads, .resourceExhausted,
        "As many uploads as the server takes at a time are under way.",
        remedy: "Wait for one to end, or start the server with a larger --max-uploads.", retry: .later(.seconds(10))),
      Entry(
        .itemCountMismatch, .dataLoss, fields: ["commit.item_count"],
        "Another number of items arrived than the commit says; nothing was published.",
        remedy: "Look for what lost messages on the way, and upload again.", retry: .later()),
      Entry(
        .graphFailed, .internalError,
        "The graph for approximate search could not be built or read.",
        remedy: "Read the server's log; publish without a graph meanwhile.", retry: .afterRepair),
    ])

  private static let planFields: [String] =
    ["plan.stages", "plan.outcome_window", "plan.gates"]
    + fields(["canary_permille", "shadow_permille", "min_duration", "min_samples"], in: ["plan.stages[i]"])
    + fields(
      [
        "min_overlap", "max_error_ratio", "max_latency_ratio", "error_probability", "error_non_inferiority",
        "sample_ratio_error_probability", "min_samples", "outcomes", "outcomes[i].kind", "outcomes[i].max_drop",
        "outcomes[i].min_trials",
      ], in: ["plan.gates"])

  static let rollouts = Area(
    title: "Rollouts",
    entries: [
      Entry(
        .changeInvalid, .invalidArgument,
        fields: ["change.actor", "change.reason", "change.request_id"] + planFields,
        "A plan or a change is out of its bounds; the message says where.", remedy: "Correct what the message names."),
      Entry(
        .requestIDReused, .invalidArgument, fields: ["change.request_id", "header.request_id"],
        "The request_id was used for another change, or for an upload of other items or with another header.",
        remedy: "Make a new one for each change and each upload."),
      Entry(
        .etagMismatch, .aborted, fields: ["etag", "change.etag"],
        "Somebody changed what serves since it was read.",
        remedy: "Read it again, decide again, and send its etag.", retry: .afterReading),
      Entry(
        .rolloutInProgress, .failedPrecondition,
        "A rollout is under way, and the change is not one of its own.",
        remedy: "Promote its candidate or roll it back first.", retry: .afterReading),
      Entry(
        .noRollout, .failedPrecondition,
        "No rollout is under way.", remedy: "Begin one with StartRollout.", retry: .afterReading),
      Entry(
        .nothingToRollBack, .failedPrecondition,
        "The index has no version to go back to.", remedy: "Promote the version you want by its name."),
      Entry(
        .candidateMismatch, .failedPrecondition, fields: ["version"],
        "The candidate is stable already, or it names the stable version's training and its vectors have another length.",
        remedy: "Roll out another version, or publish this one again by the training that its vectors are of."),
      Entry(
        .intervalInvalid, .invalidArgument, fields: ["interval"],
        "The interval of WatchRollout is out of its range.",
        remedy: "Ask for 0.1 seconds to an hour, or leave it out."),
      Entry(
        .tooManyWatchers, .resourceExhausted,
        "As many calls of WatchRollout as the server takes at a time are under way.",
        remedy: "Wait for one to end, ask GetServingState instead, or start the server with a larger --max-watchers.",
        retry: .later(.seconds(10))),
      Entry(
        .reportNotFound, .notFound, fields: ["number"],
        "Nothing was kept of a rollout of that number.", remedy: "Ask for the last one with number 0."),
      Entry(
        .trainingUnverified, .failedPrecondition, fields: ["version", "index", "space_fingerprint"],
        "A service that encodes users cannot be asked whether it holds the training of the version that is to be rolled out; or the "
          + "retrieval service cannot be asked whether a version needs the training that is to be taken out.",
        remedy:
          "Start that service, or leave it out of --encoder and --llm of the retrieval service, or of --retrieval of the others.",
        retry: .afterRepair),
      Entry(
        .catalogUnverified, .failedPrecondition, fields: ["version", "index", "header.catalog"],
        "An encoder cannot be asked whether it holds the catalog snapshot of the version that is to be rolled out or promoted, or "
          + "whether it has snapshots, where the first version of an index names none.",
        remedy: "Start that service, or leave it out of --encoder of the retrieval service.", retry: .afterRepair),
    ])
}
