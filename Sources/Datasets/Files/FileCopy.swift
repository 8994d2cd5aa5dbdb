// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc

/// Files brought to another place.
enum FileCopy {
  /// Makes a symbolic link that holds wherever the link's own directory is moved.
  static func link(_ source: String, at target: String) throws(DatasetError) {
    guard let resolved = realpath(source, nil) else {
      throw DatasetError.cannotRead(source, what: "an image", errno: errno)
    }
    defer { free(resolved) }
    guard symlink(resolved, target) == 0 else { throw DatasetError.cannotWrite(target, errno: errno) }
  }

  static func copy(_ source: String, to target: String) throws(DatasetError) {
    let input = open(source, O_RDONLY | O_CLOEXEC)
    guard input >= 0 else { throw DatasetError.cannotRead(source, what: "an image", errno: errno) }
    defer { close(input) }
    let output = try DatasetError.writing { () throws(SystemCallError) in
      try OpenFile(target, O_WRONLY | O_CREAT | O_TRUNC)
    }
    var buffer = [UInt8](repeating: 0, count: 256 << 10)
    while true {
      let count = read(input, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw DatasetError.cannotRead(source, what: "an image", errno: errno) }
      if count == 0 { return }
      try DatasetError.writing { () throws(SystemCallError) in try output.write(Array(buffer[..<count])) }
    }
  }
}
