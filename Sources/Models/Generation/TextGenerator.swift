// SPDX-License-Identifier: Apache-2.0

import Kernels

/// A frozen LLM that continues texts by the token that it holds for the likeliest, one after the other, or says how likely tokens are.
///
/// Token embeddings of `llm_parameter/` have no part in it, and an adapter only where one is given. Its methods
/// compute on the calling thread and its own threads, and block until they are done: call them from a compute worker.
package final class TextGenerator: Sendable {
  /// What was written behind a text.
  package struct Continuation: Sendable, Equatable {
    /// With the token that ended it, where one did.
    package let tokenIDs: [Int32]
    /// Up to the end of the line, without white space around it; empty where the line ends at once.
    package let text: String
  }

  private let llm: LlamaModel
  private let head: LinearWeight  // [V, D]   lm_head.weight, or the token embeddings when the two are tied
  private let tokenEmbeddings: EmbeddingTable  // [V or more, D]   embed_tokens.weight
  private let tokenizer: LlamaTokenizer
  private let texts: TokenTexts
  /// The end of a sequence, where it is one token.
  private let end: Int32?

  private static let lineEnds: Set<UInt8> = [0x0A, 0x0D]

  /// Reads `llm/`.
  ///
  /// - Parameters:
  ///   - adapter: directory of a LoRA of the LLM; nil for the LLM alone.
  ///   - maxPositions: longest text with its continuation, in tokens.
  ///   - threads: of the computation; one for each CPU of the process by default.
  package init(
    checkpoint: CheckpointLocation, adapter directory: String? = nil, maxPositions: Int = 4096, threads: Int? = nil,
    loading: LoadingOptions = LoadingOptions()
  ) throws(ModelError) {
    let team = ComputeTeam(threads: threads ?? ComputeTeam.availableCPUs)
    let source = try LLMFiles(of: checkpoint)
    let (path, shape, files) = (source.configuration, source.shape, source.weights)
    shape.unknownKeys.report(to: loading)
    tokenizer = try LlamaTokenizer(of: checkpoint, loading)
    texts = try TokenTexts(of: checkpoint)
    let digests = FileDigests(directory: loading.packedCache, on: team)
    let adapter = try directory.flatMap { directory throws(ModelError) in
      try LoRAAdapter(directory: directory, over: files, loading)
    }
    let packer = try MatrixPacker(part: "llm", of: files, adapter: adapter, loading, digests: digests, on: team)
    let prefix = LlamaModel.prefix(in: files)
    var loader = WeightLoader(
      files, prefix: prefix, packer: packer, adapter: adapter, loadedAs: source.loadedPrecision, on: team)
    llm = LlamaModel(shape, &loader, maxPositions: maxPositions, team: team)
    let rows = max(tokenizer.pieceCount, shape.vocabulary)
    tokenEmbeddings = loader.table("embed_tokens.weight", atLeast: rows, columns: shape.width)
    try loader.finish(expectation: path)
    head = try source.head(packer, adapter, on: team)
    packer.save()
    digests.save()
    let ends = tokenizer.encodeWithoutBeginning(tokenizer.endOfAnswer)
    end = ends.count == 1 ? ends[0] : nil
  }

  /// Longest text with its continuation, in tokens.
  package var maxPositions: Int { llm.maxPositions }

  /// Ids of a text that is to be continued: what the tokenizer puts behind texts is left out.
  package func tokens(of text: [LlamaTokenizer.Segment]) -> [Int32] {
    tokenizer.beginning(of: text)
  }

  /// Continues texts together until the end of the line, the end of the sequence or another token that stands for no text, or until
  /// `maxTokens` are written.
  ///
  /// Keys and values are kept while they are written, so that each token is computed once. The likeliest of equals is that of the
  /// lowest id.
  ///
  /// - Parameters:
  ///   - texts: ids of each, at least one, and with the continuation at most `maxPositions`.
  ///   - maxTokens: 1 or more.
  /// - Throws: `.promptTooLong`, `.invalidInput`, `.notFinite`.
  package func continuations(of texts: [[Int32]], maxTokens: Int) throws(ModelError) -> [Continuation] {
    precondition(maxTokens > 0)
    for text in texts { try check(text, maxTokens) }
    var state = DecodingState(llm.configuration, capacities: texts.map { $0.count + maxTokens - 1 })
    var written = [[Int32]](repeating: [], count: texts.count)
    var open = Array(texts.indices)
    while !open.isEmpty {
      let read = open.map { written[$0].last.map { [$0] } ?? texts[$0] }
      let hidden = llm.extend(&state, by: embeddings(of: read.flatMap(\.self)), zip(open, read).map { ($0, $1.count) })
      if let row = hidden.firstNotFinite(in: 0..<hidden.rows) {
        throw ModelError(
          .notFinite, "the hidden state of text \(open[row]) is NaN or infinite; check the LLM's weights")
      }
      for (text, id) in zip(open, likeliest(after: hidden)) { written[text].append(id) }
      open = open.filter { written[$0].count < maxTokens && !ends(written[$0][written[$0].count - 1]) }
    }
    return written.map { Continuation(tokenIDs: $0, text: text(of: $0)) }
  }

  /// How many tokens all texts begin with. Each text has one of its own to read, the last one.
  package static func sharedTokens(of texts: [[Int32]]) -> Int {
    guard let first = texts.first else { return 0 }
    return texts.reduce(first.count) { min($0, zip($1.dropLast(), first).prefix { $0 == $1 }.count) }
  }

  /// The logits of some tokens behind each of several texts. What all of them begin with is computed once.
  ///
  /// - Parameters:
  ///   - texts: ids of each, at least one, and fewer than `maxPositions`.
  ///   - textsAtOnce: whose keys and values are held together.
  /// - Returns: of each text, one for each token.
  /// - Throws: `.promptTooLong`, `.invalidInput`, `.notFinite`.
  package func logits(
    of tokens: [Int32], behind texts: [[Int32]], textsAtOnce: Int = 16
  ) throws(ModelError) -> [[Float]] {
    precondition(textsAtOnce > 0)
    for text in texts { try check(text, 1) }
    if let token = tokens.first(where: { !(0..<Int32(head.outputs)).contains($0) }) {
      throw ModelError(.invalidInput, "the LLM's head predicts \(head.outputs) tokens, and \(token) is none of them")
    }
    guard let first = texts.first else { return [] }
    let shared = Self.sharedTokens(of: texts)
    var beginning = DecodingState(llm.configuration, capacities: [max(shared, 1)])
    if shared > 0 {
      _ = llm.extend(&beginning, by: embeddings(of: Array(first.prefix(shared))), [(sequence: 0, count: shared)])
    }
    var found: [[Float]] = []
    for start in stride(from: 0, to: texts.count, by: textsAtOnce) {
      let some = texts[start..<min(start + textsAtOnce, texts.count)].map { $0.dropFirst(shared) }
      var state = DecodingState(llm.configuration, capacities: some.map { shared + $0.count })
      state.begin(with: beginning, on: llm.team)
      let hidden = llm.extend(
        &state, by: embeddings(of: some.flatMap(\.self)), some.enumerated().map { ($0, $1.count) })
      if let row = hidden.firstNotFinite(in: 0..<hidden.rows) {
        throw ModelError(
          .notFinite, "the hidden state of text \(start + row) is NaN or infinite; check the LLM's weights")
      }
      var logits = Activations(rows: hidden.rows, width: head.outputs)
      llm.team.linear(hidden, head, into: &logits)
      if let cap = llm.configuration.decoder.logitSoftCap { llm.team.softCap(&logits, at: cap) }
      for row in 0..<logits.rows {
        let values = logits[row: row]
        found.append(tokens.map { values[Int($0)] })
      }
    }
    return found
  }

  private func check(_ text: [Int32], _ maxTokens: Int) throws(ModelError) {
    guard !text.isEmpty else {
      throw ModelError(.invalidInput, "a text without tokens has no continuation; give it one")
    }
    guard text.count + maxTokens <= maxPositions else {
      throw ModelError(
        .promptTooLong,
        "the text has \(text.count) tokens and may get \(maxTokens), and \(maxPositions) are read; shorten it")
    }
    guard let id = text.first(where: { !(0..<tokenEmbeddings.rows).contains(Int($0)) }) else { return }
    throw ModelError(
      .invalidInput, "the text has the token \(id); the LLM has embeddings for \(tokenEmbeddings.rows)")
  }

  private func embeddings(of ids: [Int32]) -> Activations {
    var rows = Activations(rows: ids.count, width: llm.configuration.width)
    let scale = llm.configuration.decoder.embeddingScale
    for (row, id) in ids.enumerated() {
      rows.setRow(row, toRow: Int(id), of: tokenEmbeddings)
      if scale != 1 { rows.scale(row: row, by: scale) }
    }
    return rows
  }

  /// A cap on logits, which some families have, keeps their order: it is left out.
  private func likeliest(after hidden: borrowing Activations) -> [Int32] {
    var logits = Activations(rows: hidden.rows, width: head.outputs)
    llm.team.linear(hidden, head, into: &logits)
    return (0..<logits.rows).map { row in
      var best = 0
      let values = logits[row: row]
      for (id, value) in values.enumerated() where value > values[best] { best = id }
      return Int32(best)
    }
  }

  private func ends(_ id: Int32) -> Bool {
    guard id != end, let bytes = texts[id] else { return true }
    return bytes.contains(where: Self.lineEnds.contains)
  }

  private func text(of ids: [Int32]) -> String {
    var bytes: [UInt8] = []
    for id in ids where id != end { bytes += texts[id] ?? [] }
    let line = String(decoding: bytes.prefix { !Self.lineEnds.contains($0) }, as: UTF8.self)
    return line.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
