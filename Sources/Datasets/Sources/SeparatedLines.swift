// SPDX-License-Identifier: Apache-2.0

/// A file of fields with a separator between them and no quotes: every line is a record.
struct SeparatedLines {
  enum Encoding { case utf8, latin1 }

  let file: TextFile
  let separator: [UInt8]
  var encoding = Encoding.utf8

  var path: String { file.path }

  init(_ path: String, what: String, separator: String) {
    file = TextFile(path, what: what)
    self.separator = Array(separator.utf8)
  }

  /// Calls `record` with the fields of every line that is not blank, and its number.
  ///
  /// - Throws: for bytes that are no text in the encoding.
  func forEach(
    progress: (Int) throws -> Void = { _ in }, _ record: ([String], Int) throws -> Void
  ) throws {
    try file.forEachLine(progress: progress) { bytes, line in
      let bytes = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes[...]
      guard !bytes.isEmpty else { return }
      var fields: [String] = []
      var start = bytes.startIndex
      while let end = firstSeparator(in: bytes[start...]) {
        fields.append(try text(bytes[start..<end], fields.count, line))
        start = end + separator.count
      }
      fields.append(try text(bytes[start...], fields.count, line))
      try record(fields, line)
    }
  }

  /// Whether all of the file is UTF-8 text.
  func isUTF8() throws -> Bool {
    var isText = true
    try file.forEachLine { bytes, _ in isText = isText && String(validating: bytes, as: UTF8.self) != nil }
    return isText
  }

  private func firstSeparator(in bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
    guard bytes.count >= separator.count else { return nil }
    return (bytes.startIndex...bytes.endIndex - separator.count).first { bytes[$0...].starts(with: separator) }
  }

  private func text(_ bytes: Slice<UnsafeBufferPointer<UInt8>>, _ place: Int, _ line: Int) throws -> String {
    switch encoding {
    case .latin1: return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    case .utf8:
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw DatasetError(
          .malformed, "\(path):\(line): field \(place + 1) is no UTF-8 text; save the file as UTF-8")
      }
      return text
    }
  }
}
