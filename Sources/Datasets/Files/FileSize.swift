// SPDX-License-Identifier: Apache-2.0

import Glibc

/// How large a file is, for progress.
enum FileSize {
  static func of(_ path: String) -> Int? {
    var information = stat()
    return stat(path, &information) == 0 ? Int(information.st_size) : nil
  }
}
