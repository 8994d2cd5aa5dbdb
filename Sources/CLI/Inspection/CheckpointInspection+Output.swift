// SPDX-License-Identifier: Apache-2.0

import Foundation
import Models

extension CheckpointInspection {
  func write(to terminal: Terminal, listsTensors: Bool) {
    partsTable.write(to: terminal)
    for part in facts {
      terminal.writeLine()
      terminal.writeLine(terminal.styled(part.title, .bold))
      Self.write(part, to: terminal)
    }
    if listsTensors {
      terminal.writeLine()
      tensorTable.write(to: terminal)
    }
    for problem in problems { terminal.writeLine("\n" + terminal.styled("Problem: ", .red) + problem) }
  }

  func writeJSON(listsTensors: Bool) throws {
    Terminal.standardOutput.writeLine(IndentedJSON.text(try json(listsTensors: listsTensors)))
  }

  func json(listsTensors: Bool) throws -> Data {
    let parts = parts.map { part in
      var fields: [String: Any] = [
        "name": part.name, "files": part.weights.paths, "tensor_count": part.weights.tensors.count,
        "parameters": part.parameters, "bytes": part.bytes, "types": part.types,
      ]
      if listsTensors {
        fields["tensors"] = Self.sorted(part).map {
          ["name": $0.name, "type": $0.type.name, "shape": $0.shape] as [String: Any]
        }
      }
      return fields
    }
    var report: [String: Any] = ["parts": parts, "problems": problems]
    for part in facts {
      report[part.key] = Dictionary(uniqueKeysWithValues: part.facts.map { ($0.name, Self.jsonValue($0.value)) })
    }
    return try JSONSerialization.data(withJSONObject: report, options: [.sortedKeys, .withoutEscapingSlashes])
  }

  private static func jsonValue(_ value: CheckpointFacts.Value) -> Any {
    switch value {
    case .text(let text): text
    case .number(let number): number
    case .decimal(let number): number
    case .list(let items): items
    }
  }

  private var partsTable: TextTable {
    var table = TextTable([
      .init("PART"), .init("TENSORS", .trailing), .init("PARAMETERS", .trailing), .init("TYPE"),
      .init("MIB", .trailing),
      .init("FROM", isFlexible: true),
    ])
    for part in parts {
      table.add([
        part.name, part.weights.tensors.count.grouped, part.parameters.grouped, part.types,
        (Double(part.bytes) / 1_048_576).rounded(to: 1), part.weights.origin,
      ])
    }
    return table
  }

  private var tensorTable: TextTable {
    var table = TextTable([.init("PART"), .init("TENSOR"), .init("TYPE"), .init("SHAPE")])
    for part in parts {
      for tensor in Self.sorted(part) {
        table.add([part.name, tensor.name, tensor.type.name, tensor.shape.map(String.init).joined(separator: " × ")])
      }
    }
    return table
  }

  private static func sorted(_ part: Part) -> [StoredTensor] {
    part.weights.tensors.values.sorted { $0.name < $1.name }
  }

  private static func write(_ part: CheckpointFacts, to terminal: Terminal) {
    let width = part.facts.map(\.name.count).max() ?? 0
    for fact in part.facts {
      let padding = String(repeating: " ", count: width - fact.name.count + 2)
      terminal.writeLine("  " + fact.name + padding + fact.value.text)
    }
  }
}
