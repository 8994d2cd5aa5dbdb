// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation

/// The file that tells a parent process which port was bound.
enum PortFile {
  /// Writes under another name and renames, so that whoever sees the file sees all of it.
  ///
  /// - Parameter flag: that names the file.
  static func write(_ port: Int, to path: String, flag: String = "--port-file") throws(SettingsError) {
    do {
      try Data("\(port)\n".utf8).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw SettingsError("cannot write the port file \(path): \(ErrorText.of(error)); name another \(flag)")
    }
  }
}
