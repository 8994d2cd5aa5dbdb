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
    let output = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard output >= 0 else { throw DatasetError.cannotWrite(target, errno: errno) }
    defer { close(output) }
    var buffer = [UInt8](repeating: 0, count: 256 << 10)
    while true {
      let count = read(input, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw DatasetError.cannotRead(source, what: "an image", errno: errno) }
      if count == 0 { return }
      var start = 0
      while start < count {
        let written = buffer.withUnsafeBytes { write(output, $0.baseAddress.map { $0 + start }, count - start) }
        if written < 0, errno == EINTR { continue }
        guard written > 0 else { throw DatasetError.cannotWrite(target, errno: errno) }
        start += written
      }
    }
  }
}
