// SPDX-License-Identifier: Apache-2.0

/// A piece of work that has ended, and its place in a trace.
package struct TraceSpan: Sendable, Equatable {
  package enum Kind: Sendable {
    /// Work within the process.
    case part
    /// A call that was answered.
    case server
    /// A call that was made.
    case client
  }

  package enum Value: Sendable, Equatable {
    case text(String)
    case number(Int)
  }

  /// What a text of an attribute has at most.
  private static let maxTextBytes = 1024

  package let context: TraceContext
  package let kind: Kind
  package let name: String
  package let time: Range<UnixNanoseconds>
  /// In the names of OpenTelemetry's semantic conventions.
  package let attributes: [(name: String, value: Value)]
  /// Why it counts as failed.
  package let failure: String?

  package init(
    _ context: TraceContext, _ kind: Kind, _ name: String, _ time: Range<UnixNanoseconds>,
    _ attributes: [(name: String, value: Value)] = [], failure: String? = nil
  ) {
    self.context = context
    self.kind = kind
    self.name = name
    self.time = time
    self.attributes = attributes.map { ($0.name, Self.bounded($0.value)) }
    self.failure = failure.map(Self.bounded)
  }

  package static func == (left: TraceSpan, right: TraceSpan) -> Bool {
    left.context == right.context && left.kind == right.kind && left.name == right.name && left.time == right.time
      && left.failure == right.failure && left.attributes.elementsEqual(right.attributes) { $0 == $1 }
  }

  private static func bounded(_ value: Value) -> Value {
    if case .text(let text) = value { .text(bounded(text)) } else { value }
  }

  private static func bounded(_ text: String) -> String {
    text.utf8.count > maxTextBytes ? String(decoding: text.utf8.prefix(maxTextBytes), as: UTF8.self) : text
  }
}
