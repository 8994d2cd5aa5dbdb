// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Datasets

struct CatalogCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "catalog", abstract: "Bring a catalog's items into the encoder, and keep its snapshots.",
    discussion: """
      What is encoded goes to the draft, which serves nobody. A commit makes the draft the next snapshot: numbered, and never \
      changed again. `illmrec index publish` commits the draft and makes an index version of that snapshot; users get the \
      snapshot's titles and images with the version, not before.
      """,
    subcommands: [
      CatalogEncodeCommand.self, CatalogRemoveCommand.self, CatalogDiffCommand.self, CatalogCommitCommand.self,
      CatalogListCommand.self, CatalogDiscardCommand.self,
    ])
}

struct CatalogEncodeCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode", abstract: "Encode the images of a catalog and store its items in the draft.",
    discussion: """
      The catalog is a .jsonl file (an object per line), .csv or .tsv (with a header) or .json (the published code's \
      meta_info.json). Fields: item_id (or asin), title, brand, category (or genres), description, image; all but the \
      first may be missing. Without a field image, an item's image is IMAGES/<item_id>.jpg (.png, .webp).

      It may be stopped at any time. Started again it sends everything once more, and the encoder computes only what it \
      has not seen: an image is known by its bytes.

      Items that the catalog does not name stay in the draft. With --sync they are taken out of it once everything has been \
      sent; an item that cannot be read or encoded stays as it was. While a catalog is sent, the draft is neither committed nor \
      published nor discarded without --force, and nobody else sends one with --sync.

      Example:
        illmrec catalog encode --items items.jsonl --images images/ --sync
        illmrec catalog diff

      Exit codes: 0 all items are stored; 2 some failed, and the others are stored; 1 nothing more could be done; \
      64 wrong usage; 130 interrupted; 143 ended by SIGTERM.
      """)

  @Option(help: ArgumentHelp("The catalog.", valueName: "file"), transform: NonEmpty.text)
  var items: String
  @Option(
    help: ArgumentHelp("Directory of the images; by default the catalog's own.", valueName: "dir"),
    transform: NonEmpty.text)
  var images: String?
  @Flag(help: "Make the draft exactly the catalog: take out the items that it does not name.")
  var sync = false
  @Option(
    help: ArgumentHelp(
      "Write the items that failed to this file: item_id, place, reason, message, as JSON when it ends in .json, else as CSV.",
      valueName: "file"), transform: NonEmpty.text)
  var report: String?
  @OptionGroup var encoder: EncoderTarget

  func perform() async throws {
    if let report { try OutputFile.requireWritable(report) }
    if let images { try InputFile.requireDirectory(images, what: "--images") }
    let catalog = try CatalogReader.read(items)
    let encoding = CatalogEncoding(
      catalog: catalog, images: ImageLocator(directory: images, catalogFile: items), target: encoder.encoder,
      syncs: sync)
    let outcome = try await Interruption.cancelling { try await encoding.run() }
    try outcome.write(report: report)
    if !outcome.failures.isEmpty { throw ExitCode(2) }
  }
}
