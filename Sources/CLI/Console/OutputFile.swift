import Foundation

/// Files that commands write.
enum OutputFile {
  /// Writes all or nothing: a reader never sees half a file.
  static func write(_ bytes: Data, to path: String) throws(CLIError) {
    do {
      try bytes.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw CLIError(.fileAccess, "\(path): cannot be written: \(InputFile.reason(error))", cause: error)
    }
  }

  static func makeDirectory(_ path: String) throws(CLIError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw CLIError(.fileAccess, "\(path): the directory cannot be made: \(InputFile.reason(error))", cause: error)
    }
  }
}
