// SPDX-License-Identifier: Apache-2.0

internal import CGzip
import Glibc

/// A file read from front to back, gunzipped when it is gzip.
struct ByteStream: ~Copyable {
  private let handle: OpaquePointer
  let path: String

  init(path: String, what: String) throws(DatasetError) {
    self.path = path
    var information = stat()
    if stat(path, &information) != 0 { throw DatasetError.cannotRead(path, what: what, errno: errno) }
    guard information.st_mode & S_IFMT != S_IFDIR else {
      throw DatasetError(.invalidInput, "\(path): a directory where \(what) is expected")
    }
    var status = ILLMREC_GZIP_OK
    var number: Int32 = 0
    guard let handle = illmrec_gzip_open(path, &status, &number) else {
      throw DatasetError.cannotRead(path, what: what, errno: number == 0 ? ENOMEM : number)
    }
    self.handle = handle
  }

  deinit { illmrec_gzip_close(handle) }

  /// Fills `buffer` with the next bytes; fewer only at the end.
  mutating func read(into buffer: UnsafeMutableBufferPointer<UInt8>) throws(DatasetError) -> Int {
    var count = 0
    var number: Int32 = 0
    let status = illmrec_gzip_read(handle, buffer.baseAddress, buffer.count, &count, &number)
    guard status == ILLMREC_GZIP_OK else { throw failure(status, number) }
    return count
  }

  /// Bytes of the file itself, compressed as they lie there, that were consumed.
  var offset: Int { Int(illmrec_gzip_offset(handle)) }

  private func failure(_ status: illmrec_gzip_status, _ number: Int32) -> DatasetError {
    switch status {
    case ILLMREC_GZIP_TRUNCATED:
      DatasetError(.malformed, "\(path): the gzip stream ends early, as after a broken download; fetch the file again")
    case ILLMREC_GZIP_CORRUPT:
      DatasetError(.malformed, "\(path): the gzip stream is damaged; fetch the file again (gzip -t tells)")
    case ILLMREC_GZIP_NO_MEMORY: DatasetError(.unreadable, "\(path): no memory to decompress it")
    default: DatasetError.cannotRead(path, what: "the file", errno: number)
    }
  }
}
