// SPDX-License-Identifier: Apache-2.0

/// A process of the stack.
enum StackMember: String, CaseIterable, Sendable {
  case encoder
  case llm
  case retrieval
  case gateway

  /// The three that the gateway joins.
  static let services: [StackMember] = [.encoder, .llm, .retrieval]

  /// Beside the executable of this process.
  var executable: String {
    self == .gateway ? "illmrec" : "illmrec-\(rawValue)"
  }

  var defaultPort: Int {
    switch self {
    case .gateway: 50050
    case .encoder: 50051
    case .llm: 50052
    case .retrieval: 50053
    }
  }
}
