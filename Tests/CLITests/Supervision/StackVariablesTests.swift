// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Testing

@testable import CLI

@Suite("A stack heeds the variables of its environment, or refuses them") struct StackVariablesTests {
  @Test func `What an option's variable says is read as the services read it`() throws {
    let variables = StackVariables(environment: [
      "ILLMREC_CHECKPOINT": "runs/old, runs/new", "ILLMREC_HOST": "::1", "ILLMREC_DRAIN_TIMEOUT": "2.5",
      "ILLMREC_HTTP_PORT": "9100",
    ])
    try variables.check()
    #expect(try variables.texts("checkpoint") == ["runs/old", "runs/new"])
    #expect(try variables.text("host") == "::1")
    let (seconds, port): (Double?, Int?) = (try variables.number("drain-timeout"), try variables.number("http-port"))
    #expect(seconds == 2.5)
    #expect(port == 9100)
    #expect(try variables.text("log-level") == nil)
  }

  @Test func `What is empty or no number is refused by the variable's name`() {
    let variables = StackVariables(environment: ["ILLMREC_HOST": "", "ILLMREC_HTTP_PORT": "91x"])
    let empty = #expect(throws: ValidationError.self) { try variables.text("host") }
    #expect(empty?.message.contains("ILLMREC_HOST is empty") == true)
    let number = #expect(throws: ValidationError.self) { let _: Int? = try variables.number("http-port") }
    #expect(number?.message.contains("ILLMREC_HTTP_PORT is '91x'") == true)
  }

  @Test(arguments: [
    ("ILLMREC_PORT", "--gateway-port"), ("ILLMREC_ADMIN_PORT", "one by one"), ("ILLMREC_DATA", "--state"),
    ("ILLMREC_STORE", "--state"), ("ILLMREC_TRAININGS_STATE", "--state"), ("ILLMREC_PORT_FILE", "--endpoints-file"),
  ])
  func `What only one of the services can have is refused with the remedy`(name: String, remedy: String) {
    let refusal = #expect(throws: ValidationError.self) {
      try StackVariables(environment: [name: "5"]).check()
    }
    #expect(refusal?.message.contains("\(name) is set") == true)
    #expect(refusal?.message.contains(remedy) == true)
  }
}
