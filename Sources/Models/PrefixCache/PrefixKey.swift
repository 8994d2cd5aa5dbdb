// SPDX-License-Identifier: Apache-2.0

import Digest

/// The name of a block of positions: a SHA-256 over what the block holds and over the name of the block before it, so that
/// equal names mean equal prefixes from the first position on.
package struct PrefixKey: Hashable, Sendable {
  private let words: SIMD4<UInt64>

  /// - Precondition: 32 bytes.
  init(digest: [UInt8]) {
    precondition(digest.count == 32)
    words = digest.withUnsafeBytes { $0.loadUnaligned(as: SIMD4<UInt64>.self) }
  }

  func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) { withUnsafeBytes(of: words, body) }
}

/// What stands for an item's image, as the caller sent it.
package enum VisualContent: Sendable {
  /// [d], the adaptor's output.
  case softToken([Float])
  /// [v], the vision tower's output, for this checkpoint's adaptor.
  case embedding([Float])
}

/// Names the blocks of prompts.
struct PrefixNaming: Sendable {
  /// Positions of a block.
  let positionsPerBlock: Int
  /// Before every first block.
  private let root: PrefixKey
  /// The tokens that every history's prompt begins with. Blocks of them alone hold nothing of a tenant, so all share them.
  private let instruction: [Int32]
  /// Whether a soft token's row depends on its place from the end too. A history that grew then begins with other rows, and
  /// nothing of it is found but the instruction.
  private let placesCount: Bool

  /// - Parameter model: tells models apart whose keys and values differ.
  init(model: String, positionsPerBlock: Int, instruction: [Int32], placesCount: Bool = false) {
    precondition(positionsPerBlock > 0)
    self.positionsPerBlock = positionsPerBlock
    self.instruction = instruction
    self.placesCount = placesCount
    var digest = SHA256()
    digest.update("illmrec prefix 1 \(positionsPerBlock) \(model)")
    root = PrefixKey(digest: digest.finish())
  }

  /// The names of a prompt's whole blocks, in reading order. What is left over, and [REC], has none.
  ///
  /// - Parameters:
  ///   - visuals: one for each of the prompt's soft token positions.
  ///   - scope: prompts of different scopes share no block but the instruction's.
  func keys(of prompt: Prompt, visuals: [VisualContent], scope: String) -> [PrefixKey] {
    precondition(visuals.count == prompt.softTokenPositions.count)
    var keys: [PrefixKey] = []
    var visual = 0
    var isScoped = false
    for start in stride(from: 0, through: prompt.tokenIDs.count - positionsPerBlock, by: positionsPerBlock) {
      let positions = start..<start + positionsPerBlock
      var digest = SHA256()
      (keys.last ?? root).withBytes { digest.update($0) }
      if !isScoped, !isInstruction(positions, of: prompt, nextSoftToken: visual) {
        digest.add(scope: scope)
        isScoped = true
      }
      for position in positions {
        if visual < visuals.count, prompt.softTokenPositions[visual] == position {
          digest.add(visuals[visual])
          if placesCount { digest.add(place: visuals.count - 1 - visual) }
          visual += 1
        } else {
          digest.add(token: prompt.tokenIDs[position])
        }
      }
      keys.append(PrefixKey(digest: digest.finish()))
    }
    return keys
  }

  private func isInstruction(_ positions: Range<Int>, of prompt: Prompt, nextSoftToken: Int) -> Bool {
    guard positions.upperBound <= instruction.count else { return false }
    if nextSoftToken < prompt.softTokenPositions.count,
      prompt.softTokenPositions[nextSoftToken] < positions.upperBound
    {
      return false
    }
    return prompt.tokenIDs[positions] == instruction[positions]
  }
}

// Every addition begins with a byte that says what it is and has a length that follows from it, so that no two sequences of
// additions are the same bytes.
extension SHA256 {
  fileprivate mutating func add(token: Int32) {
    add(tag: 0)
    withUnsafeBytes(of: token.littleEndian) { update($0) }
  }

  fileprivate mutating func add(_ visual: VisualContent) {
    switch visual {
    case .softToken(let values): add(tag: 1, values)
    case .embedding(let values): add(tag: 2, values)
    }
  }

  /// - Parameter place: from the end.
  fileprivate mutating func add(place: Int) { add(tag: 4, count: place) }

  fileprivate mutating func add(scope: String) {
    guard !scope.isEmpty else { return }
    add(tag: 3, count: scope.utf8.count)
    update(scope)
  }

  private mutating func add(tag: UInt8, _ values: [Float]) {
    add(tag: tag, count: values.count)
    values.withUnsafeBytes { update($0) }
  }

  private mutating func add(tag: UInt8, count: Int) {
    add(tag: tag)
    withUnsafeBytes(of: UInt64(count).littleEndian) { update($0) }
  }

  private mutating func add(tag: UInt8) {
    withUnsafeBytes(of: tag) { update($0) }
  }
}
