// SPDX-License-Identifier: Apache-2.0

import GRPCCore

extension FailureCatalog {
  static let trainings = Area(
    title: "Trainings",
    entries: [
      Entry(
        .trainingNotLoaded, .failedPrecondition,
        fields: [
          "space_fingerprint", "config.space_fingerprint", "expected_space_fingerprint",
          "config.expected_space_fingerprint", "version", "index",
        ],
        "The server does not hold the training that the request names, or is taking it out.",
        remedy: "Load it with illmrec training load, or name one of those that illmrec training list shows.",
        retry: .afterRepair),
      Entry(
        .trainingMissing, .failedPrecondition, fields: ["outputs", "config.outputs", "output", "embeddings"],
        "The encoder was started with a vision tower and without rec_module/. It answers embeddings, and nothing that a training "
          + "computes.",
        remedy:
          "Ask for EMBEDDING alone; start it with a checkpoint that has rec_module/, or load one with illmrec training load "
          + "--default.",
        retry: .afterRepair),
      Entry(
        .trainingsNotConfigured, .failedPrecondition,
        "The server was started without a directory that trainings may be loaded from.",
        remedy: "Start it with --trainings and the directory that checkpoints are written to.", retry: .afterRepair),
      Entry(
        .trainingNotFound, .notFound, fields: ["directory"],
        "There is no such checkpoint in the server's directory of trainings.",
        remedy: "Name a directory beneath --trainings on the server's machine; it must hold rec_module/."),
      Entry(
        .trainingOutside, .permissionDenied, fields: ["directory"],
        "The checkpoint, or a file of its trained part, lies outside the server's directory of trainings.",
        remedy: "Name a directory beneath --trainings, and put files of the trained part into it instead of links."),
      Entry(
        .trainingUnusable, .failedPrecondition, fields: ["directory"],
        "The checkpoint cannot be computed with; the message says why.",
        remedy: "Check it with illmrec model inspect, and train or copy it again.", retry: .afterRepair),
      Entry(
        .trainingNameInvalid, .invalidArgument, fields: ["directory", "name", "version"],
        "The directory, the name or the version is empty, too long, or has a NUL character in it.",
        remedy: "Send what the message asks for."),
      Entry(
        .trainingAmbiguous, .failedPrecondition, fields: ["directory"],
        "A training with the same space fingerprint is loaded whose token embeddings are others: requests could not tell "
          + "the two apart.",
        remedy: "Unload the other one first.", retry: .afterRepair),
      Entry(
        .trainingIsDefault, .failedPrecondition, fields: ["space_fingerprint"],
        "The training answers the requests that name none, so that it cannot be taken out.",
        remedy: "Make another one the default with illmrec training load --default, and then unload it.",
        retry: .afterRepair),
      Entry(
        .trainingInUse, .failedPrecondition, fields: ["space_fingerprint"],
        "An index version was built by the training that answers, is being rolled out, or is kept for going back: without the training "
          + "its users fail.",
        remedy:
          "Promote a version of another training first, or force it where nobody goes back: illmrec training unload --force.",
        retry: .afterRepair),
      Entry(
        .tooManyTrainings, .resourceExhausted,
        "As many trainings as --max-trainings allows are loaded.",
        remedy: "Unload one that nobody names any more, or raise --max-trainings.", retry: .afterRepair),
      Entry(
        .frozenPartMismatch, .failedPrecondition, fields: ["directory"],
        "The checkpoint was trained over another vision tower or another LLM than the one that serves.",
        remedy: "Train over what serves, or serve the checkpoint by a process of its own.", retry: .afterRepair),
    ])
}
