// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Basics

@Suite("A coded error has a code, a message and a cause") struct CodedErrorTests {
  private struct Problem: CodedError {
    enum Code { case odd, even }

    let code: Code
    let message: String
    var cause: (any Error)?
  }

  private func broken(_ code: Problem.Code) throws(Problem) {
    throw Problem(
      code: code, message: "the number is \(code); choose another", cause: SystemCallError("open", "/x", errno: 2))
  }

  @Test func `The description is the message and the cause behind it`() {
    let cause = SystemCallError("open", "/x", errno: 2)
    #expect("\(Problem(code: .odd, message: "it is odd"))" == "it is odd")
    #expect(
      "\(Problem(code: .odd, message: "it is odd", cause: cause))" == "it is odd (open /x: No such file or directory)")
  }

  @Test func `Codes stay a plain enum under typed throws`() {
    do {
      try broken(.even)
    } catch {
      switch error.code {
      case .odd: Issue.record("it is even")
      case .even: #expect(error.cause is SystemCallError)
      }
    }
  }
}
