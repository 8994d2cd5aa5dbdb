// SPDX-License-Identifier: Apache-2.0

import FuzzHarness

/// A parser, by the name that the program is linked under.
struct FuzzTarget: Sendable {
  /// Takes any bytes.
  let run: @Sendable (UnsafeRawBufferPointer) -> Void
  /// Inputs to begin with, by name.
  let seeds: @Sendable () -> [(name: String, bytes: [UInt8])]

  /// - Parameter texts: seeds, by name.
  init(texts: [String: String], run: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) {
    self.run = run
    seeds = { texts.map { ($0.key, Array($0.value.utf8)) } }
  }

  init(
    run: @escaping @Sendable (UnsafeRawBufferPointer) -> Void,
    seeds: @escaping @Sendable () -> [(name: String, bytes: [UInt8])]
  ) {
    self.run = run
    self.seeds = seeds
  }

  static let all: [String: FuzzTarget] = [weights, gguf, settings, tokenizers, data, texts, indices, services]
    .reduce(into: [:]) { all, more in all.merge(more) { first, _ in first } }

  private static let chosen: FuzzTarget = {
    let name = String(cString: fuzz_name())
    guard let target = all[name] else {
      fatalError("the program is called \(name), which is none of \(all.keys.sorted().joined(separator: ", "))")
    }
    return target
  }()

  static func runChosen(_ bytes: UnsafeRawBufferPointer) { chosen.run(bytes) }

  static func seedChosen() {
    for (name, bytes) in chosen.seeds() { fuzz_seed(name, bytes, bytes.count) }
  }
}

/// Ends the process, so that libFuzzer keeps the input.
func require(_ condition: @autoclosure () -> Bool, _ promise: String) { fuzz_require(condition() ? 1 : 0, promise) }

/// The result, where the parser took the input. What it refuses it refuses by an error.
func taken<Value: ~Copyable>(_ read: () throws -> Value) -> Value? {
  do {
    return try read()
  } catch {
    return nil
  }
}

@_cdecl("fuzz_one") func fuzzOne(_ bytes: UnsafePointer<UInt8>?, _ count: Int) {
  FuzzTarget.runChosen(UnsafeRawBufferPointer(start: bytes, count: count))
}

@_cdecl("fuzz_make_seeds") func fuzzMakeSeeds() { FuzzTarget.seedChosen() }
