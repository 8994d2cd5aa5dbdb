// SPDX-License-Identifier: Apache-2.0

import Models

extension LoadingOptions {
  /// These, whose warnings go to standard error: a command that says nothing else would hide that an answer may be wrong.
  func warningOnTerminal() -> LoadingOptions {
    var options = self
    options.report = { event in
      guard case .warning(let text) = event else { return }
      Terminal.standardError.warn(text)
    }
    return options
  }
}

extension Terminal {
  /// Of something that may be as it should be: the command goes on.
  func warn(_ text: String) { writeLine(styled("Warning: ", .yellow) + text) }
}
