// SPDX-License-Identifier: Apache-2.0

import ServiceSupport
import Testing

@testable import CLI

@Suite("The list of variables is that of all programs", .timeLimit(.minutes(60))) struct SettingVariablesTests {
  @Test func `Every setting's variable is known, and no other is`() async throws {
    var found: Set<String> = []
    for (program, arguments) in [
      ("illmrec", ["gateway", "--help"]), ("illmrec-encoder", ["--help"]), ("illmrec-llm", ["--help"]),
      ("illmrec-retrieval", ["--help"]), ("illmrec", ["recommend", "--help"]),
    ] {
      let (exit, help) = try await runExecutable(program, arguments)
      #expect(exit == .code(0))
      for match in help.matches(of: /ILLMREC_[A-Z_]*[A-Z]/) { found.insert(String(match.output)) }
    }
    // A secret, which no flag takes.
    found.remove("ILLMREC_MILVUS_TOKEN")
    #expect(found == Set(EnvironmentVariables.settings.map(EnvironmentVariables.name)))
  }
}
