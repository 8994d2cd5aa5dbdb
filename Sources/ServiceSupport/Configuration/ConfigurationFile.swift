// SPDX-License-Identifier: Apache-2.0

import Basics
import Configuration
import Foundation
import Glibc

/// A JSON file with one object of plain values, each named as its flag is: `{"port": 50052}`.
enum ConfigurationFile {
  /// - Parameter keys: those that may stand in it.
  static func read(_ path: String, keys: [any AnySettingKey]) throws(SettingsError) -> JSONSnapshot {
    let data = try bytes(of: path)
    guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw SettingsError(
        "the configuration file \(path) is not a JSON object such as {\"port\": 50052}", isUsage: true)
    }
    try check(object, names: keys.map(\.name), path)
    if let repeated = JSONMemberNames.repeated(in: data) {
      throw SettingsError("\"\(repeated)\" stands twice in \(path); leave one of them", isUsage: true)
    }
    do {
      return try JSONSnapshot(data: data.bytes, providerName: path, parsingOptions: .default)
    } catch {
      throw SettingsError(
        "the configuration file \(path) holds a list of different kinds of values; write plain values", isUsage: true)
    }
  }

  private static func bytes(of path: String) throws(SettingsError) -> Data {
    guard access(path, R_OK) == 0 else {
      throw SettingsError("cannot read the configuration file \(path): \(String(cString: strerror(errno)))")
    }
    // Foundation would not give back what it reads an empty file into.
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size == 0 {
      throw SettingsError("the configuration file \(path) is empty; write {} for one that sets nothing", isUsage: true)
    }
    do {
      return try Data(contentsOf: URL(filePath: path))
    } catch {
      throw SettingsError("cannot read the configuration file \(path): \(ErrorText.of(error))")
    }
  }

  private static func check(_ object: [String: Any], names: [String], _ path: String) throws(SettingsError) {
    if let unknown = Set(object.keys).subtracting(names).min() {
      let suggestion = NearestName.of(unknown, in: names).map { "; did you mean \"\($0)\"?" } ?? ""
      throw SettingsError(
        "\"\(unknown)\" in \(path) is not a known key\(suggestion); known: \(names.sorted().joined(separator: ", "))",
        isUsage: true)
    }
    if let nested = object.filter({ $0.value is [String: Any] }).keys.min() {
      throw SettingsError("\"\(nested)\" in \(path) is an object; write a plain value", isUsage: true)
    }
  }
}
