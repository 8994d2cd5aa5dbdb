// SPDX-License-Identifier: Apache-2.0

import SwiftProtobuf

/// The types of messages, as far as the memory that a message takes once decoded depends on them.
///
/// The sizes are those of the structs that SwiftProtobuf generates, rounded up; `DecodedSizeTests` holds them against what decoding
/// takes.
struct MessageShapes: Sendable {
  /// Where a type stands in ``types``.
  typealias Index = Int

  struct Shape: Sendable {
    /// By number, nil where there is none; what is missing is kept as unknown bytes.
    var fields: [Field?] = []
    /// Bytes of the struct.
    var size = 0
  }

  struct Field: Sendable {
    let kind: Kind
    /// What one more element of a repeated field takes in its array, which may be half empty; 0 for other fields.
    var slot = 0
  }

  enum Kind: Sendable {
    case message(Index)
    case string
    case bytes
    /// Numbers. Packed, each takes at least so many bytes of the message.
    case number(packedBytes: Int)
  }

  private(set) var types: [Shape] = []
  /// By "package.Service/Method".
  private(set) var requests: [String: Index] = [:]

  /// - Precondition: `files` names every type that its files use.
  init(_ files: Google_Protobuf_FileDescriptorSet) {
    var builder = Builder()
    for file in files.file { builder.add(file.messageType, within: file.package.isEmpty ? "" : ".\(file.package)") }
    types = builder.shapes()
    for file in files.file {
      for service in file.service {
        for method in service.method {
          let name = file.package.isEmpty ? service.name : "\(file.package).\(service.name)"
          requests["\(name)/\(method.name)"] = builder.indices[method.inputType]
        }
      }
    }
  }
}

extension MessageShapes {
  private struct Builder {
    var descriptors: [Google_Protobuf_DescriptorProto] = []
    /// By the full name, ".package.Message".
    var indices: [String: Index] = [:]

    mutating func add(_ messages: [Google_Protobuf_DescriptorProto], within scope: String) {
      for message in messages {
        let name = "\(scope).\(message.name)"
        indices[name] = descriptors.count
        descriptors.append(message)
        add(message.nestedType, within: name)
      }
    }

    func shapes() -> [Shape] {
      descriptors.indices.map { index in
        let fields = descriptors[index].field
        var shape = Shape(
          fields: Array(repeating: nil, count: Int(fields.map(\.number).max() ?? 0) + 1), size: size(of: index))
        for field in fields { shape.fields[Int(field.number)] = described(field) }
        return shape
      }
    }

    private func described(_ field: Google_Protobuf_FieldDescriptorProto) -> Field {
      Field(kind: kind(of: field), slot: field.label == .repeated ? 2 * elementSize(of: field) : 0)
    }

    private func kind(of field: Google_Protobuf_FieldDescriptorProto) -> Kind {
      switch field.type {
      case .message, .group: indices[field.typeName].map(Kind.message) ?? .bytes
      case .string: .string
      case .bytes: .bytes
      case .double, .fixed64, .sfixed64: .number(packedBytes: 8)
      case .float, .fixed32, .sfixed32: .number(packedBytes: 4)
      default: .number(packedBytes: 1)
      }
    }

    /// Of the struct of a type: its fields, what it does not know, and the object that larger ones keep their fields in.
    private func size(of index: Index, within outer: Set<Index> = []) -> Int {
      descriptors[index].field.reduce(16 + 48) { size, field in
        guard field.label != .repeated else { return size + 8 }
        guard field.type == .message, let inner = indices[field.typeName] else { return size + elementSize(of: field) }
        // A type that holds itself keeps the inner one behind a pointer.
        guard !outer.contains(inner), inner != index else { return size + 8 }
        return size + self.size(of: inner, within: outer.union([index])) + 8
      }
    }

    private func elementSize(of field: Google_Protobuf_FieldDescriptorProto) -> Int {
      switch field.type {
      case .message, .group: indices[field.typeName].map { size(of: $0) } ?? 16
      case .string, .bytes, .enum: 16
      case .float, .fixed32, .sfixed32, .int32, .uint32, .sint32: 4
      case .bool: 1
      default: 8
      }
    }
  }
}
