// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
import Glibc
import ServiceAPI
import Synchronization
package import Traces

/// The id that ties an RPC's log lines together, in every service it passes. Taken from the request's `request_id`, else
/// from the metadata key `x-request-id`, else made up.
///
/// For log lines alone: of a long id it has the beginning. Whoever joins by a request's id takes it from the message.
package final class RequestIdentity: Sendable {
  package static let metadataKey = "x-request-id"

  /// Of the RPC that is being handled by the current task.
  @TaskLocal package static var current: RequestIdentity?

  static let maxBytes = 128

  /// The caller's, or the one that begins here; nil where there is neither.
  package let trace: TraceContext?
  /// Nil where nobody asks for them.
  package let stages: CallStages?
  private let id: Mutex<String>
  private let access = Mutex<(caller: Caller?, refusal: String?)>((nil, nil))

  package init(_ id: String? = nil, trace: TraceContext? = nil, stages: CallStages? = nil) {
    self.trace = trace
    self.stages = stages
    self.id = Mutex(Self.makeID())
    if let id { adopt(id) }
  }

  /// - Parameters:
  ///   - metadata: of an RPC.
  ///   - tracer: begins traces, and records them.
  ///   - keepsStages: whether they are asked for where no trace is recorded.
  convenience init(
    of metadata: Metadata, _ method: MethodDescriptor, tracer: CallTracer? = nil, keepsStages: Bool = false
  ) {
    let sent = metadata[stringValues: Self.metadataKey].first { _ in true }
    // One that is sent twice is nobody's.
    let traces = Array(metadata[stringValues: TraceContext.metadataKey].prefix(2))
    let trace = (traces.count == 1 ? TraceContext(continuing: traces[0]) : nil) ?? tracer?.begin(method)
    let recording = trace.flatMap { tracer?.recording($0) }
    self.init(
      sent.map(RequestIDText.decoded), trace: trace,
      stages: keepsStages || recording != nil ? CallStages(recording: recording) : nil)
  }

  /// What tells another service the id, for its log lines, and the trace.
  package static func metadata(for id: String, trace: TraceContext? = nil) -> Metadata {
    var metadata: Metadata = [:]
    if !id.isEmpty {
      metadata.addString(
        RequestIDText.encoded(RequestIDText.beginning(of: id, maxBytes: maxBytes)), forKey: metadataKey)
    }
    if let trace { metadata.addString(trace.text, forKey: TraceContext.metadataKey) }
    return metadata
  }

  package var value: String { id.withLock(\.self) }

  /// Who calls, where the server knows its callers.
  package var caller: Caller? { access.withLock { $0.caller } }

  /// Why what the caller showed gives them no identity; for the log alone.
  var refusal: String? { access.withLock { $0.refusal } }

  package func identify(_ caller: Caller) { access.withLock { $0.caller = caller } }

  func note(refusal: String) { access.withLock { $0.refusal = refusal } }

  /// What the caller named the request counts more than what was made up for it.
  package func adopt(_ id: String) {
    guard !id.isEmpty else { return }
    let kept = RequestIDText.beginning(of: id, maxBytes: Self.maxBytes)
    self.id.withLock { $0 = kept }
  }

  private static func makeID() -> String {
    let number = UInt64.random(in: .min ... .max)
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

/// A message that carries the caller's id of the request, or the first message of a stream that does.
protocol RequestIdentified {
  var requestID: String { get }
}

extension Encoder_EncodeImagesRequest: RequestIdentified {}
extension Encoder_ProjectEmbeddingsRequest: RequestIdentified {}
extension Encoder_StreamEncodeImagesRequest: RequestIdentified {
  var requestID: String { config.requestID }
}
extension LLM_EncodeUsersRequest: RequestIdentified {}
extension LLM_StreamEncodeUsersRequest: RequestIdentified {
  var requestID: String { config.requestID }
}
extension Retrieval_SearchRequest: RequestIdentified {}
extension Retrieval_StreamSearchRequest: RequestIdentified {
  var requestID: String { config.requestID }
}
extension Retrieval_CreateVersionRequest: RequestIdentified {
  var requestID: String { header.requestID }
}
extension Recommender_RecommendRequest: RequestIdentified {}
extension Training_LoadTrainingRequest: RequestIdentified {}
extension Training_UnloadTrainingRequest: RequestIdentified {}
