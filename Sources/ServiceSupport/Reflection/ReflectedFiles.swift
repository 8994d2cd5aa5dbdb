// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import GRPCCore
import ServiceAPI
import SwiftProtobuf

/// The files that describe some services with all that their messages are made of, and where each name of theirs is defined.
struct ReflectedFiles: Sendable {
  /// Where a file stands in ``files``.
  typealias Index = Int

  private struct File: Sendable {
    /// A google.protobuf.FileDescriptorProto.
    let bytes: Data
    let imports: [Index]
  }

  /// Full names, in order.
  let services: [String]
  private var files: [File] = []
  private var byName: [Identifier: Index] = [:]
  /// By full name, without a leading dot.
  private var bySymbol: [Identifier: Index] = [:]
  private var messages: Set<Identifier> = []

  /// - Parameters:
  ///   - set: files after those that they import, as protoc writes them.
  ///   - services: that are served; files that none of them needs are left out.
  init(_ set: Google_Protobuf_FileDescriptorSet, describing services: [ServiceDescriptor]) throws {
    let served = Set(services.map(\.fullyQualifiedService))
    self.services = served.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    var needed: Set<String> = []
    for file in set.file.reversed() {
      let described = file.service.contains { served.contains(Self.name($0.name, within: file.package)) }
      if described || needed.contains(file.name) { needed.formUnion(file.dependency + [file.name]) }
    }
    for file in set.file where needed.contains(file.name) { try add(file) }
  }

  // MARK: Questions

  func file(named name: String) -> Index? { byName[Identifier(name)] }
  func file(defining symbol: String) -> Index? { bySymbol[Identifier(symbol)] }
  func isMessage(_ symbol: String) -> Bool { messages.contains(Identifier(symbol)) }

  /// A file, and what it imports, directly and not.
  ///
  /// - Parameter sent: what the client has; the file itself is told in any case.
  func descriptors(from file: Index, sent: inout Set<Index>) -> [Data] {
    var (found, place) = ([file], 0)
    var seen = sent.union([file])
    while place < found.count {
      for imported in files[found[place]].imports where seen.insert(imported).inserted { found.append(imported) }
      place += 1
    }
    sent = seen
    return found.map { files[$0].bytes }
  }

  // MARK: Building

  private mutating func add(_ file: Google_Protobuf_FileDescriptorProto) throws {
    let index = files.count
    files.append(
      File(bytes: try file.serializedData(), imports: file.dependency.compactMap { byName[Identifier($0)] }))
    byName[Identifier(file.name)] = index
    for service in file.service {
      let name = note(service.name, within: file.package, index)
      for method in service.method { note(method.name, within: name, index) }
    }
    for message in file.messageType { note(message, within: file.package, index) }
    for type in file.enumType { note(type, within: file.package, index) }
  }

  private mutating func note(_ message: Google_Protobuf_DescriptorProto, within scope: String, _ index: Index) {
    let name = note(message.name, within: scope, index)
    messages.insert(Identifier(name))
    for field in message.field.map(\.name) + message.oneofDecl.map(\.name) { note(field, within: name, index) }
    for inner in message.nestedType { note(inner, within: name, index) }
    for inner in message.enumType { note(inner, within: name, index) }
  }

  /// An enum's values are names of the scope that the enum stands in.
  private mutating func note(_ type: Google_Protobuf_EnumDescriptorProto, within scope: String, _ index: Index) {
    note(type.name, within: scope, index)
    for value in type.value { note(value.name, within: scope, index) }
  }

  @discardableResult
  private mutating func note(_ name: String, within scope: String, _ index: Index) -> String {
    let full = Self.name(name, within: scope)
    bySymbol[Identifier(full)] = index
    return full
  }

  private static func name(_ name: String, within scope: String) -> String {
    scope.isEmpty ? name : "\(scope).\(name)"
  }
}

extension FileDescriptions {
  /// What this module is generated from.
  static let files: Google_Protobuf_FileDescriptorSet = {
    guard let data = Data(base64Encoded: base64),
      let files = try? Google_Protobuf_FileDescriptorSet(serializedBytes: data)
    else { preconditionFailure("scripts/generate-protos.sh wrote a description that cannot be read") }
    return files
  }()
}
