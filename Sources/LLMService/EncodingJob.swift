import Models

/// One user, checked and tokenised: what waits for the compute thread.
struct EncodingJob: Sendable {
  /// Where the soft token of an item comes from.
  enum Visual: Sendable {
    /// [d], as the caller's adaptor made it.
    case softToken([Float])
    /// [v], for this server's adaptor.
    case embedding([Float])
  }

  /// Its soft tokens are filled in on the compute thread, from `visuals`, unless the caller sent a prompt of its own.
  var prompt: Prompt
  /// One per soft token position of a history's prompt; nil when the prompt has its soft tokens.
  var visuals: [Visual]?
  var outputs: UserOutputs

  /// In the unit of the queue.
  var tokens: Int { prompt.tokenCount }
}

/// One user, computed.
struct EncodedUser: Sendable {
  var promptTokens: Int
  var truncatedItems: Int
  var userVector: [Float]?
  var hiddenState: [Float]?
  var spaceVectors: [(space: Space, vector: [Float])]
}
