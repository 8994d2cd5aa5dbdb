// SPDX-License-Identifier: Apache-2.0

import GRPCCore

extension FailureCatalog {
  static let load = Area(
    title: "Load, deadlines and shutdown",
    entries: [
      Entry(
        .queueFull, .resourceExhausted,
        "As much as may wait for the server's compute worker, or for its backend, waits already, by its amount or by its time.",
        remedy: "Try again after the delay, send less at a time, or add replicas.", retry: .later()),
      Entry(
        .deadlineUnreachable, .resourceExhausted,
        "Behind what waits already, the request would be computed only after its deadline; it was not begun.",
        remedy: "Try again after the delay, allow more time, or add replicas.", retry: .later()),
      Entry(
        .requestTooLarge, .invalidArgument,
        "One request needs more than the whole queue holds.", remedy: "Send it in smaller requests."),
      Entry(
        .answerTooLarge, .resourceExhausted, fields: ["page_size"],
        "What one GetItems asks for does not fit into a message.", remedy: "Set page_size, and ask page by page."),
      Entry(
        .messageTooComplex, .resourceExhausted,
        "One message would take more memory once decoded than --max-decoded-bytes: it holds too many elements for its bytes.",
        remedy: "Send it in several messages."),
      Entry(
        .textNotStreamSafe, .invalidArgument,
        "A text has more than 30 combining marks in a row, which no stream-safe text (UAX #15) has: to compare such texts takes the square of "
          + "their length.",
        remedy: "Leave some of the marks out, or put U+034F between them."),
      Entry(
        .messageMemoryFull, .resourceExhausted,
        "The messages in progress take as much memory as --max-bytes-in-progress.",
        remedy: "Try again after the delay, send less at a time, or add replicas.", retry: .later()),
      Entry(
        .deadlineExceeded, .deadlineExceeded,
        "The request's deadline passed while it waited or was computed.",
        remedy: "Allow more time, or send less at a time.", retry: .later()),
      Entry(
        .cancelled, .cancelled,
        "The caller cancelled the request, or the server gave it up.",
        remedy: "Send it again if the answer is still wanted.",
        retry: .later()),
      Entry(
        .shuttingDown, .unavailable,
        "The server is about to end.", remedy: "Ask another replica.", retry: .later()),
      Entry(
        .outOfMemory, .resourceExhausted,
        "The machine has no memory for it.",
        remedy: "Send less or smaller images at a time, delete old versions, or use a larger machine.", retry: .later()),
      Entry(
        .noThread, .resourceExhausted,
        "The machine gives the server no further thread.",
        remedy: "Raise the limit on threads (ulimit -u) or on memory (ulimit -v).",
        retry: .afterRepair),
    ])

  static let storage = Area(
    title: "Storage",
    entries: [
      Entry(
        .storageFull, .resourceExhausted,
        "The disk of the item store, of the data directory or of --trainings-state is full.",
        remedy: "Free space, and send again what was not acknowledged.", retry: .afterRepair),
      Entry(
        .storageReadOnly, .failedPrecondition,
        "The item store cannot be written.", remedy: "Mount its directory writable, or correct its rights.",
        retry: .afterRepair),
      Entry(
        .storageInUse, .unavailable,
        "Another process holds the item store or the data directory.",
        remedy: "End that process, or name another place.",
        retry: .afterRepair),
      Entry(
        .storageUnavailable, .unavailable,
        "The item store cannot be opened.", remedy: "Check that its directory exists, and its rights.",
        retry: .afterRepair),
      Entry(
        .storageCorrupt, .dataLoss,
        "The item store is damaged, or the file is none.",
        remedy: "Restore it from a backup, or encode the catalog into a new one.", retry: .afterRepair),
      Entry(
        .storageFailed, .internalError,
        "The disk, the file system or the database failed.",
        remedy: "Read the message and the server's log; check the disk, its rights and limits.", retry: .afterRepair),
      Entry(
        .formatUnsupported, .failedPrecondition,
        "A file was written by a later release.", remedy: "Use the release that wrote it, or a later one.",
        retry: .afterRepair),
    ])

  static let backends = Area(
    title: "Vectors in Milvus",
    entries: [
      Entry(
        .backendMissing, .failedPrecondition,
        "The version's vectors are in Milvus, and the server was started without its address.",
        remedy: "Start it with --milvus-address and the --milvus-database the version was published to.",
        retry: .afterRepair),
      Entry(
        .backendUnavailable, .unavailable,
        "Milvus cannot be reached, or is bringing the collection into memory.",
        remedy: "Try again; check the cluster if it lasts.", retry: .later()),
      Entry(
        .backendOverloaded, .resourceExhausted,
        "Milvus takes no more at the moment.", remedy: "Try again after the delay, or enlarge the cluster.",
        retry: .later(.seconds(1))),
      Entry(
        .backendRefused, .failedPrecondition,
        "Milvus refuses the server: its token, its rights or a setting.",
        remedy: "Correct what the message names.", retry: .afterRepair),
      Entry(
        .backendFailed, .internalError,
        "Milvus failed, or answered what it should not.", remedy: "Read the message and Milvus' log.",
        retry: .afterRepair),
    ])

  static let servers = Area(
    title: "The server itself, and the services behind the gateway",
    entries: [
      Entry(
        .modelError, .internalError,
        "The checkpoint cannot be computed with.", remedy: "Check it with illmrec model inspect.", retry: .afterRepair),
      Entry(
        .resultNotFinite, .internalError,
        "The model computed NaN or infinity.",
        remedy: "Check the inputs and the checkpoint; try another --precision.", retry: .afterRepair),
      Entry(
        .internalFailure, .internalError,
        "An error that is the server's.", remedy: "Read its log under the request_id, and report it.",
        retry: .afterRepair),
      Entry(
        .stageUnavailable, .unavailable,
        "The gateway cannot reach a service behind it; the message says which.",
        remedy: "Check that the service runs there.", retry: .later()),
      Entry(
        .stageAnswerInvalid, .internalError,
        "A service behind the gateway answered other than its contract says.",
        remedy: "Run one release of all services.", retry: .afterRepair),
      Entry(
        .stageFailed, .internalError,
        "A service behind the gateway, or what stands between, failed without giving a reason of this list.",
        remedy: "Check the address and what the message names.", retry: .afterRepair),
    ])

  /// These never travel: the command writes them beside the encoder's own.
  static let reports = Area(
    title: "Reports of `illmrec catalog encode`",
    entries: [
      Entry(
        .recordUnusable, .invalidArgument,
        "A line of the catalog is no item.", remedy: "Correct the line that the report names."),
      Entry(
        .imageNotFound, .notFound,
        "The item's image is in none of the given directories.", remedy: "Add the file, or remove the item."),
      Entry(
        .imageUnreadable, .failedPrecondition,
        "The image's file cannot be read.", remedy: "Correct its rights, or restore it."),
    ])
}
