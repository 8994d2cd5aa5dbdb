// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Datasets

/// Options of `data prepare` that decide what stays of a source.
struct PreparationArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Directory of the images, found by item id, path or URL; by default the source's.", valueName: "dir"),
    transform: NonEmpty.text)
  var images: String?
  @Option(
    help: ArgumentHelp(
      "decode: items whose image does not decode are dropped; exists: those without a file; off: none.",
      valueName: "how"))
  var imageCheck = PreparationOptions.ImageCheck.decode
  @Option(
    help: ArgumentHelp(
      "Items without a description: keep or drop. By default dropped from Amazon and published data, as the published "
        + "code does, and kept from items.jsonl.", valueName: "choice"))
  var emptyDescriptions: PreparationOptions.Choice?
  @Option(
    help: ArgumentHelp("A user's further meetings with an item: keep, as published, or drop.", valueName: "choice"))
  var repeats = PreparationOptions.Choice.keep
  @Option(
    help: ArgumentHelp(
      "Users and items keep at least this many interactions with each other; 0 for no such filter.", valueName: "k"))
  var kCore = 5
  @Option(help: ArgumentHelp("Users with fewer interactions are dropped.", valueName: "n"))
  var leastInteractions = 3
  @Option(help: ArgumentHelp("Negatives of each user.", valueName: "n"))
  var negatives = 100
  @Option(
    help: ArgumentHelp(
      "A share of the items, such as 0.2, that nobody learns from: test items are of them, and nobody's training sequence has one.",
      valueName: "share"))
  var coldItems = 0.0
  @Option(
    help: ArgumentHelp("Draws negatives among all items, or with --cold-items among cold ones.", valueName: "pool"))
  var negativesAmong = PreparationOptions.NegativePool.all
  @Option(help: ArgumentHelp("Decides the negatives, and which items are cold.", valueName: "seed"))
  var seed: UInt64 = 42
  @Flag(help: "Draws negatives even where the source has some.")
  var drawNegatives = false
  @Option(
    help: ArgumentHelp(
      "user_id, train, valid, test and negatives of each user; by default the source's leave_one_out.jsonl.",
      valueName: "file"), transform: NonEmpty.text)
  var split: String?
  @Flag(help: "Orders by time even where the source has a split.")
  var ignoreSplit = false
  @Option(help: ArgumentHelp("Unusable lines up to which it goes on.", valueName: "n"))
  var badLines = 100
  @Flag(help: "Copies the images instead of linking to them.")
  var copyImages = false
  @Flag(help: "Replaces the output directory when it is there.")
  var replace = false

  func validate() throws {
    guard kCore >= 0, leastInteractions >= 0, negatives >= 0, badLines >= 0 else {
      throw ValidationError("Counts cannot be negative.")
    }
    guard negatives <= 1_000_000 else { throw ValidationError("--negatives must be 0 to 1,000,000.") }
    guard leastInteractions >= 3 else {
      throw ValidationError("--least-interactions must be at least 3: one to learn from, one to validate, one to test.")
    }
    guard coldItems >= 0, coldItems < 1 else {
      throw ValidationError("--cold-items must be a share of the items: more than 0, and less than 1.")
    }
    guard negativesAmong == .all || coldItems > 0 else {
      throw ValidationError("--negatives-among cold needs --cold-items, which makes some.")
    }
    guard split == nil || !ignoreSplit else { throw ValidationError("--split and --ignore-split contradict.") }
  }

  var options: PreparationOptions {
    var options = PreparationOptions()
    options.images = images
    options.imageCheck = imageCheck
    options.emptyDescriptions = emptyDescriptions
    options.repeats = repeats
    options.kCore = kCore
    options.leastInteractions = leastInteractions
    options.negatives = negatives
    options.seed = seed
    (options.coldShare, options.negativePool) = (coldItems, negativesAmong)
    options.drawsNegativesAnew = drawNegatives
    options.split = split
    options.ignoresSplit = ignoreSplit
    options.badLineLimit = badLines
    options.placement = copyImages ? .copy : .link
    options.replacesOutput = replace
    return options
  }
}

extension PreparationOptions.ImageCheck: ExpressibleByArgument {}
extension PreparationOptions.Choice: ExpressibleByArgument {}
extension PreparationOptions.NegativePool: ExpressibleByArgument {}
