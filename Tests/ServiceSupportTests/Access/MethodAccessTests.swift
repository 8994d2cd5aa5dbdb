// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import ServiceAPI
import ServiceTestSupport
import Testing

@testable import ServiceSupport

@Suite("Every method has a role") struct MethodAccessTests {
  private static let methods: [MethodDescriptor] =
    Encoder_EncoderService.Method.descriptors + LLM_LLMService.Method.descriptors
    + Retrieval_RetrievalService.Method.descriptors + Retrieval_IndexAdminService.Method.descriptors
    + Training_TrainingAdminService.Method.descriptors + Recommender_RecommenderService.Method.descriptors

  @Test func `The table has the methods of all services, and no others`() {
    let served = Dictionary(grouping: Self.methods, by: \.service.fullyQualifiedService)
    #expect(Set(served.keys) == Set(MethodAccess.roles.keys))
    for (service, methods) in served {
      #expect(Set(methods.map(\.method)) == Set(MethodAccess.roles[service, default: [:]].keys), "\(service)")
    }
  }

  @Test func `Health and reflection are everybody's, and what is unknown is nobody's`() throws {
    for method in Grpc_Health_V1_Health.Method.descriptors { #expect(MethodAccess.of(method) == .everybody) }
    let reflection = MethodDescriptor(
      fullyQualifiedService: "grpc.reflection.v1.ServerReflection", method: "ServerReflectionInfo")
    #expect(MethodAccess.of(reflection) == .everybody)
    let unknown = MethodDescriptor(fullyQualifiedService: "illmrec.llm.v1.LLMService", method: "Forget")
    #expect(MethodAccess.of(unknown) == nil)
    let fixture = try PolicyFixture()
    let control = try fixture.control("{\(fixture.identities())}")
    try control.requireRoles(of: Self.methods)
    let error = #expect(throws: SettingsError.self) { try control.requireRoles(of: Self.methods + [unknown]) }
    #expect(error?.message.contains("illmrec.llm.v1.LLMService/Forget") == true)
    let admin = try control.caller(.bearer(fixture.operators.text), nil)
    #expect(throws: ServiceFailure.self) { try control.admit(admin, to: unknown) }
  }

  @Test func `No method that changes what serves is open to readers`() {
    for service in ["illmrec.retrieval.v1.IndexAdminService", "illmrec.training.v1.TrainingAdminService"] {
      for (method, role) in MethodAccess.roles[service, default: [:]]
      where !["Get", "List", "Watch"].contains(where: method.hasPrefix) { #expect(role >= .publish, "\(method)") }
    }
  }

  @Test func `The page has each method in the row of its role, and in no other`() throws {
    let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let page = try String(contentsOf: repository.appending(path: "docs/security.md"), encoding: .utf8)
    for role in Role.allCases {
      let row = page.split(separator: "\n").first { $0.hasPrefix("| \(role.rawValue) |") } ?? ""
      // What a handler asks beside the table is said there too.
      let text = row.replacing("EncodeImages and StreamEncodeImages with `store`", with: "")
      let written = Set(text.matches(of: /\b[A-Z][a-z]+[A-Z][A-Za-z]+\b/).map { String($0.output) })
      let expected = MethodAccess.roles.values.flatMap { $0.filter { $0.value == role }.keys }
      #expect(written == Set(expected).subtracting(["Recommend", "Search"]), "\(role)")
      for method in expected { #expect(text.contains(method), "\(method)") }
    }
  }
}
