// SPDX-License-Identifier: Apache-2.0

/// What a file is that lies where another was expected, by its first bytes: downloads and tools leave such files.
package enum ForeignContent {
  /// Bytes of a file's beginning that are enough to tell.
  package static let headBytes = 512

  /// What the file is and what to do, as the end of a sentence: "a Git LFS pointer …"; nil for what is none of these.
  package static func name(_ head: some Sequence<UInt8>) -> String? {
    let head = Array(head.prefix(headBytes))
    return binaryName(head) ?? textName(head)
  }

  private static func binaryName(_ head: [UInt8]) -> String? {
    signatures.first { head.starts(with: $0.bytes) }?.name
  }

  private static let signatures: [(bytes: [UInt8], name: String)] = [
    ([0xFF, 0xFE], "UTF-16 text; save it as UTF-8"), ([0xFE, 0xFF], "UTF-16 text; save it as UTF-8"),
    (Array("PAR1".utf8), "a Parquet file; write it as JSON lines or CSV"),
    (Array("GGUF".utf8), "a GGUF file; only the frozen LLM may be one, under a name that ends in .gguf"),
    ([0x89] + Array("HDF\r\n".utf8), "an HDF5 file, as Keras writes; convert it to safetensors"),
    ([0x93] + Array("NUMPY".utf8), "a NumPy file; name it .npy"), (Array("%PDF".utf8), "a PDF document"),
    (Array("7z".utf8) + [0xBC, 0xAF], "a 7-Zip archive; unpack it"), (Array("Rar!".utf8), "a RAR archive; unpack it"),
    ([0x28, 0xB5, 0x2F, 0xFD], "a Zstandard file; unpack it"), ([0xFD] + Array("7zXZ".utf8), "an XZ file; unpack it"),
    (Array("BZh".utf8), "a bzip2 file; unpack it"),
  ]

  private static func textName(_ head: [UInt8]) -> String? {
    let text = String(decoding: head, as: UTF8.self).drop { $0.isWhitespace || $0 == "\u{FEFF}" }.lowercased()
    if text.hasPrefix("version https://git-lfs.github.com/spec/") {
      return "a Git LFS pointer, not the file that it points to; fetch that with git lfs pull"
    }
    if ["<!doctype html", "<html", "<head", "<body"].contains(where: text.hasPrefix) {
      return "a web page (HTML), as a download that needs a sign-in leaves; download the file again"
    }
    return text.hasPrefix("<?xml") ? "an XML document, as a store answers with an error; download the file again" : nil
  }
}
