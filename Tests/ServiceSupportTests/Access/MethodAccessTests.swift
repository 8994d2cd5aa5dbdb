// SPDX-License-Identifier: Apache-2.0

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
}
