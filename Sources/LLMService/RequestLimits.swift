/// What one request may ask for, beside what the model bounds. Published by GetServerInfo.
struct RequestLimits: Sendable {
  /// Users of one unary request.
  var maxUsers = 32
  /// Interactions that a request may hold for one user; the newest `maxHistoryItems` of the model are read.
  var maxRequestHistoryItems = 1000
  /// Text of one prompt.
  var maxTextBytes = 1 << 20
  /// Of the transport.
  var maxMessageBytes = 64 << 20
  /// Tokens waiting for the compute thread.
  var maxQueueTokens = 1 << 17
  /// Tokens computed together. More gain no throughput once the matrix products are wide enough, and every request of a batch
  /// waits for all of it.
  var maxBatchTokens = 1024
}
