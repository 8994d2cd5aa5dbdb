import Foundation
import Models

extension CheckpointInspection {
  func write(to terminal: Terminal, listsTensors: Bool) {
    partsTable.write(to: terminal)
    if let encoder {
      terminal.writeLine()
      terminal.writeLine(terminal.styled("Encoder", .bold))
      Self.write(Self.facts(of: encoder), to: terminal)
    }
    if let llm {
      terminal.writeLine()
      terminal.writeLine(terminal.styled("LLM", .bold))
      Self.write(Self.facts(of: llm), to: terminal)
    }
    if listsTensors {
      terminal.writeLine()
      tensorTable.write(to: terminal)
    }
    for problem in problems { terminal.writeLine("\n" + terminal.styled("Problem: ", .red) + problem) }
  }

  func writeJSON(listsTensors: Bool) throws {
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
    if let encoder { report["encoder"] = Dictionary(uniqueKeysWithValues: Self.facts(of: encoder)) }
    if let llm { report["llm"] = Dictionary(uniqueKeysWithValues: Self.facts(of: llm)) }
    let bytes = try JSONSerialization.data(withJSONObject: report, options: [.sortedKeys, .withoutEscapingSlashes])
    Terminal.standardOutput.writeLine(IndentedJSON.text(bytes))
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

  private static func facts(of model: ImageModel) -> [(String, String)] {
    [
      ("embedding_dim", String(model.embeddingDim)), ("soft_token_dim", String(model.softTokenDim)),
      ("space_dim", String(model.spaceDim)), ("fingerprint", model.fingerprints.model),
      ("tower_fingerprint", model.fingerprints.tower ?? "-"), ("space_fingerprint", model.fingerprints.space),
    ]
  }

  private static func facts(of model: UserModel) -> [(String, String)] {
    [
      ("llm_dim", String(model.llmDim)), ("max_prompt_tokens", String(model.maxPromptTokens)),
      ("fingerprint", model.fingerprints.model), ("space_fingerprint", model.fingerprints.space),
    ]
  }

  private static func write(_ facts: [(String, String)], to terminal: Terminal) {
    let width = facts.map(\.0.count).max() ?? 0
    for (name, value) in facts {
      terminal.writeLine("  " + name + String(repeating: " ", count: width - name.count + 2) + value)
    }
  }
}
