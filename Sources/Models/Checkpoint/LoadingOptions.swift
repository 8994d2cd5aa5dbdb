// SPDX-License-Identifier: Apache-2.0

package import Kernels

/// How a model's matrices are kept in memory, and who hears how far loading is.
package struct LoadingOptions: Sendable {
  /// Of the LLM's and the vision tower's matrices. The small trained part stays in 32-bit floats.
  package var precision: Precision
  /// How products with packed matrices are computed; the machine's best way when nil.
  package var computePath: ComputePath?
  /// Directory of packed matrices and digests, which make the next start quick; nil for none.
  package var packedCache: String?
  /// A part with fewer bytes of weights is packed anew at each start, which takes no time.
  package var bytesWorthCaching: Int
  /// Called on the loading thread.
  package var report: @Sendable (LoadingEvent) -> Void

  package init(
    precision: Precision = .float32, computePath: ComputePath? = nil, packedCache: String? = nil,
    bytesWorthCaching: Int = 64 << 20,
    report: @escaping @Sendable (LoadingEvent) -> Void = { _ in }
  ) {
    self.precision = precision
    self.computePath = computePath
    self.packedCache = packedCache
    self.bytesWorthCaching = bytesWorthCaching
    self.report = report
  }

  /// bfloat16 where the processor multiplies it as fast as 32-bit floats or faster, 32-bit floats elsewhere.
  package static var automaticPrecision: Precision {
    ComputePath.avx512.isSupported(for: .bfloat16) ? .bfloat16 : .float32
  }
}

/// What happens while a model is loaded.
package enum LoadingEvent: Sendable {
  /// `done` of `total` bytes of `what` were read and packed, or checked.
  case progress(what: String, done: Int, total: Int)
  /// Something to know; loading goes on.
  case note(String)
  /// Something that should be mended; loading goes on without it.
  case warning(String)
}

/// What a loaded model multiplies in.
package struct MatrixArithmetic: Sendable, Equatable, CustomStringConvertible {
  package let precision: Precision
  /// The kernels: a compute path's name, or the BLAS library's.
  package let path: String

  package init(_ options: LoadingOptions) {
    precision = options.precision
    let chosen = options.computePath.flatMap { $0.isSupported(for: options.precision) ? $0 : nil }
    path =
      (chosen ?? ComputePath.best(for: options.precision))?.rawValue
      ?? "openblas-\(ComputeTeam.matrixProductCore.lowercased())"
  }

  package var precisionName: String { precision.rawValue }
  package var description: String { "\(precisionName) (\(path))" }

  /// What distinguishes the fingerprint of a model that rounds from one that does not.
  var fingerprintSuffix: String { precision == .float32 ? "" : "precision \(precision.rawValue)" }

  /// What distinguishes the fingerprint of a tower whose embeddings should not stand beside those of others: int8 moves
  /// them by some hundredths of their length, bfloat16 by less than a hundredth.
  var towerSuffix: String { precision == .int8 ? fingerprintSuffix : "" }
}

extension LoadingOptions {
  /// From the names that people write.
  ///
  /// - Parameters:
  ///   - precision: f32, bf16 or int8; nil for the machine's own choice.
  ///   - computePath: a path's name; nil for the fastest.
  /// - Throws: `.invalidInput` for a name that means nothing, or a path that this machine does not have.
  package init(precision: String?, computePath: String?, packedCache: String?) throws(ModelError) {
    let names: [String: Precision] = ["f32": .float32, "bf16": .bfloat16, "int8": .int8]
    guard let chosen = precision.map({ names[$0] }) ?? Self.automaticPrecision else {
      throw ModelError(.invalidInput, "\"\(precision ?? "")\" is no precision; there are f32, bf16 and int8")
    }
    let path = computePath.flatMap(ComputePath.init(rawValue:))
    let supported = ComputePath.allCases.filter { $0.isSupported(for: chosen) }
    if computePath != nil, chosen != .float32, !supported.contains(where: { $0 == path }) {
      throw ModelError(
        .invalidInput,
        "this CPU does not multiply \(chosen.rawValue) by the compute path \(computePath ?? ""); it has "
          + supported.map(\.rawValue).joined(separator: ", "))
    }
    self.init(precision: chosen, computePath: path, packedCache: packedCache)
  }
}
