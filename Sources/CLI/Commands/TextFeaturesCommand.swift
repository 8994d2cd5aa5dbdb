// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Datasets
import Models
import ServiceSupport

struct TextFeaturesCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "text", abstract: "Encode the items' texts with a sentence encoder, for the text space.",
    discussion: """
      The encoder is a BERT or MPNet model in its Hugging Face or sentence-transformers directory, such as all-mpnet-base-v2: \
      config.json, weights, vocab.txt or tokenizer.json; modules.json, when there, says how tokens become one vector.

      An item's text is that of the published code: of the fields that it has, "Title: TITLE. Brand: BRAND. Category: \
      CATEGORY. Feature: FEATURE. Detailed description: DESCRIPTION." FEATURE is the first of the features without "<span" \
      and "<br>", and a description with one of them is left out. White space at both ends goes, then full stops at both \
      ends, and one full stop is put at the last: an item without texts is ".". Longer texts are cut as the encoder says.

      FILE has a row for each item, in the order of the data or of the catalog; a safetensors file calls the matrix "text". \
      Texts that are equal are encoded once.

      It may be stopped at any time: what is done stays in FILE.partial, and the same command goes on from there.

      Example:
        illmrec features text --data data/ --encoder all-mpnet-base-v2/ --out data/text.safetensors
      """)

  @Option(
    help: ArgumentHelp("Directory of prepared data, in the published layout.", valueName: "dir"),
    transform: NonEmpty.text)
  var data: String?
  @Option(help: ArgumentHelp("A catalog instead: .jsonl, .csv or .tsv.", valueName: "file"), transform: NonEmpty.text)
  var items: String?
  @Option(help: ArgumentHelp("Directory of the sentence encoder.", valueName: "dir"), transform: NonEmpty.text)
  var encoder: String
  @Option(help: ArgumentHelp("Where to write, .safetensors or .npy.", valueName: "file"), transform: NonEmpty.text)
  var out: String
  @Option(
    help: ArgumentHelp("Arithmetic of the matrices: f32 or bf16, which the published code uses.", valueName: "name"),
    transform: NonEmpty.text)
  var precision = "f32"
  @Option(help: ArgumentHelp("Longest text, in tokens; the checkpoint's own limit by default.", valueName: "n"))
  var maxTokens: Int?
  @Option(help: ArgumentHelp("Threads; one for each CPU by default.", valueName: "n"))
  var threads: Int?

  func validate() throws {
    guard out.hasSuffix(".safetensors") || out.hasSuffix(".npy") else {
      throw ValidationError("--out ends in .safetensors or .npy.")
    }
    guard (data == nil) != (items == nil) else { throw ValidationError("Give --data or --items.") }
    guard ["f32", "bf16"].contains(precision) else { throw ValidationError("--precision is f32 or bf16.") }
    guard (1...1024).contains(threads ?? 1) else { throw ValidationError("--threads is 1 to 1,024.") }
    guard (1...1 << 20).contains(maxTokens ?? 1) else { throw ValidationError("--max-tokens is 1 to 1,048,576.") }
  }

  func perform() async throws {
    try OutputFile.requireWritable([out], reading: [items].compactMap(\.self))
    try InputFile.requireDirectory(encoder, what: "the sentence encoder")
    let command = self
    try await Interruption.cancellingThread(named: "text-features") { interruption in try command.encode(interruption) }
  }

  private func encode(_ interruption: InterruptionFlag) throws {
    let texts = try readItems().map(ItemText.of)
    let loading = try LoadingOptions(precision: precision, computePath: nil, packedCache: nil).warningOnTerminal()
    let encoder = try SentenceEncoder(directory: encoder, threads: threads, maxTokens: maxTokens, loading: loading)
    let features = TextFeatures(
      texts: texts, encoder: encoder, journalPath: out + ".partial", interruption: interruption)
    do {
      try features.run { outcome in try write(outcome, of: encoder) }
    } catch is CancellationError {
      throw CLIError(
        .interrupted, "interrupted; what is done is in \(out).partial, and the same command goes on from there")
    }
  }

  private func readItems() throws -> [Dataset.Item] {
    if let data {
      try InputFile.requireDirectory(data, what: "the prepared data")
      return try Dataset(reading: data).items
    }
    guard let items else { return [] }
    guard !items.lowercased().hasSuffix(".json") else {
      throw CLIError(
        .usage, "\(items): the items of a JSON object have no order; give the directory of the data with --data")
    }
    let catalog = try CatalogReader.read(items)
    if let problem = catalog.problems.first {
      throw CLIError(
        .invalidInput,
        "\(problem.place): \(problem.message). Every record gets a row; mend or remove it"
          + (catalog.problems.count > 1 ? " (and \(catalog.problems.count - 1) more)" : ""))
    }
    return catalog.items.map { Dataset.Item($0, image: nil) }
  }

  private func write(_ outcome: TextFeatures.Outcome, of encoder: SentenceEncoder) throws {
    let vectors = outcome.vectors
    if out.hasSuffix(".npy") {
      try NumPyFile.write(vectors, to: out)
    } else {
      try SafetensorsWriter.write(
        [.init("text", shape: [vectors.rows, vectors.columns], values: vectors.values)], to: out,
        metadata: ["format": "pt", "text_encoder": encoder.fingerprint])
    }
    var notes = ["\(encoder.configuration.family.rawValue), \(encoder.arithmetic)"]
    if outcome.known > 0 { notes.append("\(outcome.known.grouped) known already") }
    if outcome.cut > 0 { notes.append("\(outcome.cut.grouped) cut at \(encoder.maxTokens) tokens") }
    Terminal.standardOutput.writeLine(
      "\(out): \(vectors.rows.counted("item")) of \(vectors.columns) numbers in \(outcome.duration.brief); "
        + notes.joined(separator: "; "))
  }
}
