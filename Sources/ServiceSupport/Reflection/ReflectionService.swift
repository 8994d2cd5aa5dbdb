// SPDX-License-Identifier: Apache-2.0

package import GRPCCore
import GRPCProtobuf
import ServiceAPI
import SwiftProtobuf

/// The standard reflection protocol, under its name of today and the one that older tools ask by: what a server serves, and the
/// descriptions of it, for clients without .proto files. It tells nothing that is not in protos/.
package struct ReflectionService: Sendable {
  typealias Request = Grpc_Reflection_V1_ServerReflectionRequest
  typealias Response = Grpc_Reflection_V1_ServerReflectionResponse

  /// As v1 in every message.
  static let olderMethod = MethodDescriptor(
    fullyQualifiedService: "grpc.reflection.v1alpha.ServerReflection", method: "ServerReflectionInfo",
    type: .bidirectionalStreaming)

  /// What one stream may ask.
  struct Limits: Sendable {
    var requests = 1000
    /// Of the name that is asked for.
    var nameBytes = 1024
    /// Between two requests. A stream that is only held open would hold a drain up.
    var idle = Duration.seconds(60)
  }

  private let files: ReflectedFiles
  private let limits: Limits

  /// - Parameter services: of the server; reflection tells of itself too.
  package init(of services: [ServiceDescriptor]) throws { try self.init(of: services, limits: Limits()) }

  init(of services: [ServiceDescriptor], limits: Limits) throws {
    let own = [Grpc_Reflection_V1_ServerReflection.descriptor, Self.olderMethod.service]
    files = try ReflectedFiles(FileDescriptions.files, describing: services + own)
    self.limits = limits
  }
}

extension ReflectionService: RegistrableRPCService {
  package func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    for method in [Grpc_Reflection_V1_ServerReflection.Method.ServerReflectionInfo.descriptor, Self.olderMethod] {
      router.registerHandler(
        forMethod: method, deserializer: ProtobufDeserializer<Request>(), serializer: ProtobufSerializer<Response>()
      ) { request, _ in
        StreamingServerResponse { writer in
          try await answer(request.messages, writer)
          return [:]
        }
      }
    }
  }
}

extension ReflectionService {
  private func answer(_ requests: RPCAsyncSequence<Request, any Error>, _ writer: RPCWriter<Response>) async throws {
    let idle = limit("nothing was asked for \(limits.idle / .seconds(1)) s")
    try await IdleWatch.run(limit: limits.idle, failure: idle) { watch in
      var requests = requests.makeAsyncIterator()
      var sent: Set<ReflectedFiles.Index> = []
      var count = 0
      while let request = try await watch.waiting(for: { try await requests.next() }) {
        count += 1
        guard count <= limits.requests else { throw limit("a stream may ask \(limits.requests) times") }
        try await writer.write(try answer(request, sent: &sent))
      }
    }
  }

  private func limit(_ problem: String) -> ServiceFailure {
    ServiceFailure(.reflectionLimit, "\(problem); ask again in a new one")
  }

  /// - Parameter sent: files that the client has from this stream.
  private func answer(_ request: Request, sent: inout Set<ReflectedFiles.Index>) throws -> Response {
    let nameBytes = max(request.host.utf8.count, request.messageRequest?.nameBytes ?? 0)
    guard nameBytes <= limits.nameBytes else {
      throw limit("names of \(nameBytes) bytes, at most \(limits.nameBytes) may be asked for")
    }
    var response = Response()
    response.validHost = request.host
    response.originalRequest = request
    response.messageResponse = answer(request.messageRequest, sent: &sent)
    return response
  }

  private func answer(
    _ question: Request.OneOf_MessageRequest?, sent: inout Set<ReflectedFiles.Index>
  ) -> Response.OneOf_MessageResponse {
    switch question {
    case .listServices:
      return .listServicesResponse(.with { $0.service = files.services.map { name in .with { $0.name = name } } })
    case .fileByFilename(let name): return file(files.file(named: name), "no file \"\(name)\"", sent: &sent)
    case .fileContainingSymbol(let name):
      return file(files.file(defining: name), "nothing is called \"\(name)\"", sent: &sent)
    case .fileContainingExtension(let asked):
      return error(.notFound, "\"\(asked.containingType)\" has no extension \(asked.extensionNumber)")
    case .allExtensionNumbersOfType(let type):
      guard files.isMessage(type) else { return error(.notFound, "no message is called \"\(type)\"") }
      return .allExtensionNumbersResponse(.with { $0.baseTypeName = type })
    case nil: return error(.invalidArgument, "the request asks for nothing that this server knows")
    }
  }

  private func file(
    _ file: ReflectedFiles.Index?, _ problem: String, sent: inout Set<ReflectedFiles.Index>
  ) -> Response.OneOf_MessageResponse {
    guard let file else { return error(.notFound, "\(problem) among those of the services that are served here") }
    return .fileDescriptorResponse(.with { $0.fileDescriptorProto = files.descriptors(from: file, sent: &sent) })
  }

  private func error(_ code: RPCError.Code, _ message: String) -> Response.OneOf_MessageResponse {
    .errorResponse(
      .with {
        $0.errorCode = Int32(code.rawValue)
        $0.errorMessage = message
      })
  }
}

extension Grpc_Reflection_V1_ServerReflectionRequest.OneOf_MessageRequest {
  fileprivate var nameBytes: Int {
    switch self {
    case .fileByFilename(let name), .fileContainingSymbol(let name), .allExtensionNumbersOfType(let name),
      .listServices(let name):
      name.utf8.count
    case .fileContainingExtension(let asked): asked.containingType.utf8.count
    }
  }
}
