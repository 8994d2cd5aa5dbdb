import Models

/// What the service asks of a model. ``UserModel`` is the one that is served; the seam lets tests serve one whose pace they
/// decide.
///
/// `prompt` and the properties may be used from any thread; the rest computes, and only one thread at a time may call it.
protocol UserEncoder: Sendable {
  var fingerprints: ModelFingerprints { get }
  var spaces: [Space] { get }
  var spaceWeights: [Float] { get }
  /// d.
  var llmDim: Int { get }
  /// v.
  var embeddingDim: Int { get }
  var userVectorDim: Int { get }
  var maxPromptTokens: Int { get }
  var maxHistoryItems: Int { get }
  var promptTemplate: String { get }

  func prompt(history: [HistoryEntry]) throws(ModelError) -> Prompt
  func prompt(parts: [PromptPart]) throws(ModelError) -> Prompt
  func softTokens(of embeddings: Matrix) throws(ModelError) -> Matrix
  /// Throws `.notFinite` when any prompt's state is not.
  func hiddenStates(of prompts: [Prompt], isCancelled: () -> Bool) throws(ModelError) -> Matrix
  func spaceVectors(of hiddenStates: Matrix) throws(ModelError) -> [(space: Space, vectors: Matrix)]
  func userVectors(of hiddenStates: Matrix) throws(ModelError) -> Matrix
}
