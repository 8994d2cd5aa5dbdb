// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Datasets

struct CatalogCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "catalog", abstract: "Bring a catalog's items into the encoder.",
    subcommands: [CatalogEncodeCommand.self])
}

struct CatalogEncodeCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode", abstract: "Encode the images of a catalog and store its items.",
    discussion: """
      The catalog is a .jsonl file (an object per line), .csv or .tsv (with a header) or .json (the published code's \
      meta_info.json). Fields: item_id (or asin), title, brand, category (or genres), description, image; all but the \
      first may be missing. Without a field image, an item's image is IMAGES/<item_id>.jpg (.png, .webp).

      It may be stopped at any time. Started again it sends everything once more, and the encoder computes only what it \
      has not seen: an image is known by its bytes.

      Example:
        illmrec catalog encode --items items.jsonl --images images/

      Exit codes: 0 all items are stored; 2 some failed, and the others are stored; 1 nothing more could be done; \
      64 wrong usage; 130 interrupted; 143 ended by SIGTERM.
      """)

  @Option(help: ArgumentHelp("The catalog.", valueName: "file"), transform: NonEmpty.text)
  var items: String
  @Option(
    help: ArgumentHelp("Directory of the images; by default the catalog's own.", valueName: "dir"),
    transform: NonEmpty.text)
  var images: String?
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
      catalog: catalog, images: ImageLocator(directory: images, catalogFile: items), target: encoder.encoder)
    let outcome = try await Interruption.cancelling { try await encoding.run() }
    try outcome.write(report: report)
    if !outcome.failures.isEmpty { throw ExitCode(2) }
  }
}
