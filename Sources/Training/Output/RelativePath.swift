// SPDX-License-Identifier: Apache-2.0

/// How one place is reached from another.
enum RelativePath {
  /// - Parameters:
  ///   - directory: absolute, without links, `.` and `..`, as `target` is.
  static func from(_ directory: String, to target: String) -> String {
    let (start, end) = (directory.split(separator: "/"), target.split(separator: "/"))
    let shared = zip(start, end).prefix { $0.utf8.elementsEqual($1.utf8) }.count
    let steps = Array(repeating: "..", count: start.count - shared) + end.dropFirst(shared).map(String.init)
    return steps.isEmpty ? "." : steps.joined(separator: "/")
  }
}
