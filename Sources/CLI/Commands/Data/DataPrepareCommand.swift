// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics
import Datasets
import Foundation
import Models

struct DataPrepareCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "prepare",
    abstract: "Filter, split and sample negatives; write the layout that training and evaluation read.",
    discussion: """
      SOURCE is a directory with one of these (any file may be gzipped):

        items.jsonl, interactions.csv
          A catalog; items also as .json, .csv, .tsv. A leave_one_out.jsonl
          brings a split and negatives.
        meta_<Category>.json.gz, <Category>_5.json.gz
          Amazon 2018 and 2014 (reviews_<Category>_5.json.gz), as downloaded.
          Images as <asin>.jpg in --images.
        meta_<Category>.jsonl.gz, <Category>.jsonl.gz
          Amazon 2023; the reviews also as the benchmarks' <Category>.csv.gz.
        movies.dat, ratings.dat
          MovieLens; later ones as .csv.
        NAME.item, NAME.inter
          RecBole's atomic files.
        test_users.json, meta_info.json, image/
          The published code's layout.

      What it does, in this order, and counts in a table: drops items without a description; keeps the k-core; drops items \
      whose image does not decode, and finds the core again; drops users with under 3 interactions. The last item of a user is \
      the test item, the last but one the validation item. Negatives are drawn uniformly among items that the user never met, \
      each once as long as there are enough (the published code draws with repetition).

      The output has train_users.json, eval_users.json, test_users.json, meta_info.json, image/, neg_item_set.txt and \
      data4sasrec.txt as the published code has them, and illmrec_dataset.json with the source's item ids and how it was made. \
      It appears at the end, whole. Stopped or failed, the same command goes on with the image checks that were done \
      (<out>.partial).

      Examples:
        illmrec data prepare movielens/ --out data/
        illmrec data prepare raw/ --images photos/ --out art/
        illmrec data prepare art/ --out art-10/ --k-core 10 --draw-negatives
        illmrec data prepare art/ --out art-cold/ --cold-items 0.2 --negatives-among cold   # what a new item is found by

      Exit codes: 0 prepared; 1 failed; 64 wrong usage; 130 interrupted; 143 ended by SIGTERM.
      """)

  @Argument(help: ArgumentHelp("Directory of the source.", valueName: "source"), transform: NonEmpty.text)
  var source: String
  @Option(help: ArgumentHelp("Directory to make.", valueName: "directory"), transform: NonEmpty.text)
  var out: String
  @OptionGroup var arguments: PreparationArguments
  @Option(
    help: ArgumentHelp(
      "Most pixels of an image, checked in its header; the item of an image of more is dropped.", valueName: "n"))
  var maxImagePixels = ImageLimits().maxPixels
  @Flag(help: "Prints JSON instead of tables.")
  var json = false

  func perform() async throws {
    let start = ContinuousClock.now
    if let images = arguments.images { try InputFile.requireDirectory(images, what: "--images") }
    let options = arguments.options
    let preparation = Preparation(
      source: try DataSource(detecting: source, split: options.split), options: options,
      decodingImagesWith: { [limits = ImageLimits(maxPixels: maxImagePixels)] in Self.problem(ofImageAt: $0, limits) })
    let out = out
    let (dataset, report) = try await Interruption.cancellingThread(named: "prepare") { interruption in
      let progress = PreparationProgress()
      defer { progress.finish() }
      return try preparation.run(into: out) { stage, completed, total in
        progress.update(stage, completed: completed, total: total)
        try interruption.check()
      }
    }
    let summary = PreparationSummary(
      output: out, report: report, statistics: DatasetStatistics(dataset), duration: start.duration(to: .now))
    if json {
      Terminal.standardOutput.writeLine(try summary.json())
    } else {
      summary.write(to: .standardOutput)
    }
  }

  /// Nil when the image decodes.
  private static func problem(ofImageAt path: String, _ limits: ImageLimits) -> String? {
    do {
      let bytes = try InputFile.bytes(of: path, what: "an image")
      _ = try bytes.withUnsafeBytes { try ImageDecoder.decode($0, limits: limits) }
      return nil
    } catch let error as ImageError {
      return error.message
    } catch {
      return ErrorText.of(error)
    }
  }
}
