// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import GRPCProtobuf
import ServiceAPI
import ServiceTestSupport
import SwiftProtobuf
import Testing

@testable import ServiceSupport

@Suite("A server tells what it serves", .timeLimit(.minutes(15))) struct ReflectionServiceTests {
  private typealias Request = Grpc_Reflection_V1_ServerReflectionRequest
  private typealias Response = Grpc_Reflection_V1_ServerReflectionResponse
  private typealias File = Google_Protobuf_FileDescriptorProto

  private static let methods = [
    Grpc_Reflection_V1_ServerReflection.Method.ServerReflectionInfo.descriptor, ReflectionService.olderMethod,
  ]

  private func service(_ limits: ReflectionService.Limits = .init()) throws -> ReflectionService {
    try ReflectionService(of: [LLM_LLMService.descriptor, Grpc_Health_V1_Health.descriptor], limits: limits)
  }

  /// The answers to questions that are asked in one stream.
  private func answers(
    to requests: [Request], by method: MethodDescriptor = Self.methods[0], of service: ReflectionService
  ) async throws -> [Response] {
    try await withServicesOverLoopback([service]) { client in
      let request = StreamingClientRequest<Request> { writer in
        for request in requests { try await writer.write(request) }
      }
      return try await client.bidirectionalStreaming(
        request: request, descriptor: method, serializer: ProtobufSerializer<Request>(),
        deserializer: ProtobufDeserializer<Response>(), options: .defaults
      ) { response in
        try await response.messages.reduce(into: []) { $0.append($1) }
      }
    }
  }

  private func files(_ response: Response) throws -> [File] {
    try response.fileDescriptorResponse.fileDescriptorProto.map { try File(serializedBytes: $0) }
  }

  @Test(arguments: methods) func `A client finds what is served by name, symbol and file`(
    method: MethodDescriptor
  ) async throws {
    let asked: [Request] = [
      .with { $0.listServices = "" },
      .with { $0.fileContainingSymbol = "illmrec.llm.v1.LLMService" },
      .with { $0.fileContainingSymbol = "illmrec.llm.v1.LLMService.EncodeUsers" },
      .with { $0.fileByFilename = "grpc/health/v1/health.proto" },
      .with {
        $0.host = "h"
        $0.fileContainingSymbol = "grpc.health.v1.HealthCheckResponse.SERVING"
      },
    ]
    let answers = try await answers(to: asked, by: method, of: service())
    #expect(answers.map(\.originalRequest) == asked)
    #expect(
      answers[0].listServicesResponse.service.map(\.name) == [
        "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
        "illmrec.llm.v1.LLMService",
      ])
    let llm = try files(answers[1])
    #expect(llm.first?.name == "illmrec/llm/v1/llm.proto")
    #expect(llm.first?.service.first?.method.map(\.name).contains("EncodeUsers") == true)
    #expect(Set(llm.map(\.name)).isSuperset(of: llm.flatMap(\.dependency)))
    // What was sent is not sent again, but what was asked for always is.
    #expect(try files(answers[2]).map(\.name) == ["illmrec/llm/v1/llm.proto"])
    #expect(try files(answers[3]).map(\.name) == ["grpc/health/v1/health.proto"])
    #expect(try files(answers[4]).map(\.name) == ["grpc/health/v1/health.proto"])
    #expect(answers[4].validHost == "h")
  }

  @Test func `What is not served here is an answer, and the stream goes on`() async throws {
    let asked: [Request] = [
      .with { $0.fileContainingSymbol = "illmrec.recommender.v1.RecommenderService" },
      .with { $0.fileContainingSymbol = "no.Such" },
      .with { $0.fileByFilename = "../etc/passwd" },
      .with { $0.allExtensionNumbersOfType = "no.Such" },
      .with { $0.fileContainingExtension = .with { $0.containingType = "grpc.health.v1.HealthCheckRequest" } },
      .init(),
      .with { $0.allExtensionNumbersOfType = "grpc.health.v1.HealthCheckRequest" },
    ]
    let answers = try await answers(to: asked, of: service())
    let codes = answers.map(\.errorResponse.errorCode)
    #expect(codes == [5, 5, 5, 5, 5, 3, 0] as [Int32])
    #expect(answers[1].errorResponse.errorMessage.contains("no.Such"))
    #expect(answers[6].allExtensionNumbersResponse.baseTypeName == "grpc.health.v1.HealthCheckRequest")
  }

  @Test func `Every service of the project is described whole`() throws {
    let services = FileDescriptions.files.file.flatMap { file in
      file.service.map { ServiceDescriptor(fullyQualifiedService: "\(file.package).\($0.name)") }
    }
    let files = try ReflectedFiles(FileDescriptions.files, describing: services)
    #expect(files.services.count == services.count && services.count >= 8)
    for service in services {
      let file = try #require(files.file(defining: service.fullyQualifiedService))
      var sent: Set<ReflectedFiles.Index> = []
      let told = try files.descriptors(from: file, sent: &sent).map { try File(serializedBytes: $0) }
      #expect(Set(told.map(\.name)).count == told.count)
      #expect(Set(told.map(\.name)).isSuperset(of: told.flatMap(\.dependency)), "\(service)")
    }
  }

  @Test func `A stream asks so often, for names so long, and does not stay open for nothing`() async throws {
    let health = Request.with { $0.fileContainingSymbol = "grpc.health.v1.Health" }
    let often = try service(.init(requests: 3))
    #expect(try await answers(to: Array(repeating: health, count: 3), of: often).count == 3)
    let tooOften = await #expect(throws: RPCError.self) {
      try await answers(to: Array(repeating: health, count: 4), of: often)
    }
    #expect(tooOften?.reason == "REFLECTION_LIMIT")
    let long = Request.with { $0.fileContainingSymbol = String(repeating: "x", count: 1025) }
    let tooLong = await #expect(throws: RPCError.self) { try await answers(to: [long], of: often) }
    #expect(tooLong?.code == .resourceExhausted)
  }

  @Test func `A stream that asks nothing is ended`() async throws {
    let service = try service(.init(idle: .milliseconds(50)))
    let error = await #expect(throws: RPCError.self) { try await Self.holdOpen(service) }
    #expect(error?.reason == "REFLECTION_LIMIT")
  }

  /// Asks nothing until the server ends the stream.
  private static func holdOpen(_ service: ReflectionService) async throws {
    try await withServicesOverLoopback([service]) { client in
      let held = AsyncStream.makeStream(of: Void.self)
      let request = StreamingClientRequest<Request> { _ in for await _ in held.stream {} }
      try await client.bidirectionalStreaming(
        request: request, descriptor: methods[0], serializer: ProtobufSerializer<Request>(),
        deserializer: ProtobufDeserializer<Response>(), options: .defaults
      ) { response in
        defer { held.continuation.finish() }
        for try await _ in response.messages {}
      }
    }
  }
}
