import Foundation
import GRPCCore
import ServiceAPI
import ServiceSupport
import SwiftProtobuf
import Synchronization

/// Carries the encoder's item vectors into a new index version, a chunk at a time.
struct IndexPublication: Sendable {
  let index: String
  let labels: [String: String]
  /// Targets, as gRPC names them.
  let encoder: String
  let retrieval: String

  func run() async throws -> Illmrec_Retrieval_V1_Version {
    try await withService("encoder", at: encoder) { encoder in
      try await withService("retrieval service", at: retrieval) { retrieval in
        try await Illmrec_Encoder_V1_EncoderService.Client(wrapping: encoder)
          .exportItems(.with { $0.output = .itemVector }) { export in
            try await upload(export, to: Illmrec_Retrieval_V1_IndexAdminService.Client(wrapping: retrieval))
          }
      }
    }
  }

  private func upload(
    _ export: StreamingClientResponse<Illmrec_Encoder_V1_ExportItemsResponse>,
    to admin: Illmrec_Retrieval_V1_IndexAdminService.Client<some ClientTransport>
  ) async throws -> Illmrec_Retrieval_V1_Version {
    let progress = Mutex<ProgressBar?>(nil)
    defer { _ = progress.withLock { $0?.finish() } }
    let request = StreamingClientRequest<Illmrec_Retrieval_V1_CreateVersionRequest> { writer in
      var sent = 0
      for try await message in export.messages {
        switch message.message {
        case .header(let header):
          guard header.itemCount > 0 else {
            throw CLIError(
              .invalidInput, "the encoder at \(encoder) stores no items; `illmrec catalog encode` brings them in")
          }
          progress.withLock { $0 = ProgressBar("Publishing", total: Int(header.itemCount), unit: "items") }
          try await writer.write(.with { $0.header = self.header(for: header) })
        case .chunk(let chunk):
          sent += chunk.itemIds.count
          try await writer.write(
            .with {
              $0.chunk.itemIds = chunk.itemIds
              $0.chunk.vectors = chunk.vectors
            })
          progress.withLock { [sent] in $0?.update(completed: sent) }
        case nil: break
        }
      }
      try await writer.write(.with { [sent] in $0.commit.itemCount = UInt64(sent) })
    }
    return try await admin.createVersion(request: request).version
  }

  private func header(
    for export: Illmrec_Encoder_V1_ExportItemsResponse.Header
  ) -> Illmrec_Retrieval_V1_CreateVersionRequest.Header {
    .with {
      $0.index = index
      $0.requestID = UUID().uuidString
      $0.builtBy = export.model
      $0.dim = export.dim
      $0.labels = labels
    }
  }
}
