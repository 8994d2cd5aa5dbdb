/// What one request may ask of the gateway. Published by GetServerInfo.
package struct RecommenderLimits: Sendable {
  /// Users of one request.
  package var maxUsers = 64
  /// Interactions of one user; of these the newest are read, as many as the LLM service reads.
  package var maxInteractions = 1000
  /// Items per user.
  package var maxK = 1000
  /// Of the gateway's own transport, and the most that it sends to a service in one message.
  package var maxMessageBytes = 64 << 20

  package init() {}
}
