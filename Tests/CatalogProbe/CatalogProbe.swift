// SPDX-License-Identifier: Apache-2.0

import GRDBSQLite
import Glibc
import Synchronization

/// Changes an item store and kills itself at one of the change's disk operations: `CatalogProbe FILE CHANGE OPERATION`. Ends
/// with 0 when the change had fewer operations than that.
@main
enum CatalogProbe {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 4, let change = CatalogChange(rawValue: arguments[2]), let operation = Int(arguments[3])
    else {
      print("usage: CatalogProbe FILE CHANGE OPERATION")
      exit(64)
    }
    try Killer.standBeforeSQLite()
    try change.perform(at: arguments[1]) { Killer.operationsLeft.store(operation, ordering: .relaxed) }
  }
}

/// Ends the process with SIGKILL before an operation, as `kill -9` from outside would.
///
/// It stands before the system calls by which SQLite changes the disk. What the store does to files by itself comes between two
/// of them, so that each state of the disk is met.
private enum Killer {
  /// Negative: none is near.
  static let operationsLeft = Atomic(-1)

  struct NoFileSystem: Error {}

  static func standBeforeSQLite() throws {
    guard let files = sqlite3_vfs_find(nil), let set = files.pointee.xSetSystemCall else { throw NoFileSystem() }
    // SQLite writes by one of these three, as it was built.
    let write: @convention(c) (Int32, UnsafeRawPointer?, Int) -> Int = { file, bytes, count in
      Killer.count()
      return Glibc.write(file, bytes, count)
    }
    let writeAt: @convention(c) (Int32, UnsafeRawPointer?, Int, off_t) -> Int = { file, bytes, count, offset in
      Killer.count()
      return pwrite(file, bytes, count, offset)
    }
    let truncate: @convention(c) (Int32, off_t) -> Int32 = { file, length in
      Killer.count()
      return ftruncate(file, length)
    }
    let remove: @convention(c) (UnsafePointer<CChar>?) -> Int32 = { path in
      Killer.count()
      return path.map { unlink($0) } ?? -1
    }
    let open: @convention(c) (UnsafePointer<CChar>?, Int32, Int32) -> Int32 = { path, flags, mode in
      if flags & O_CREAT != 0 { Killer.count() }
      return path.map { Glibc.open($0, flags, mode_t(mode)) } ?? -1
    }
    let calls: [(String, sqlite3_syscall_ptr)] = [
      ("write", unsafeBitCast(write, to: sqlite3_syscall_ptr.self)),
      ("pwrite", unsafeBitCast(writeAt, to: sqlite3_syscall_ptr.self)),
      ("pwrite64", unsafeBitCast(writeAt, to: sqlite3_syscall_ptr.self)),
      ("ftruncate", unsafeBitCast(truncate, to: sqlite3_syscall_ptr.self)),
      ("unlink", unsafeBitCast(remove, to: sqlite3_syscall_ptr.self)),
      ("open", unsafeBitCast(open, to: sqlite3_syscall_ptr.self)),
    ]
    for (name, call) in calls where set(files, name, call) != SQLITE_OK { throw NoFileSystem() }
  }

  private static func count() {
    guard operationsLeft.load(ordering: .relaxed) >= 0 else { return }
    if operationsLeft.subtract(1, ordering: .relaxed).oldValue == 0 { kill(getpid(), SIGKILL) }
  }
}
