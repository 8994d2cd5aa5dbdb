// SPDX-License-Identifier: Apache-2.0

import CKernels

/// A linear map of items to items, and that map as a product of two narrow matrices.
package enum ShallowAutoencoder {
  /// The weights of EASE (Steck 2019): B of the least |X - X B|² + λ |B|² whose diagonal is 0.
  ///
  /// Nil when the counts and λ are not positive definite in double precision, or there is no memory.
  ///
  /// - Parameters:
  ///   - counts: Xᵀ X [items, items], how many users met both items; the elements above the diagonal are not read.
  ///   - regularization: λ, in users.
  ///   - progress: called with the share of the work that is done, between parts of it; what it throws ends the work.
  /// - Returns: B [items, items]; what an item adds to the scores of the others is its row.
  /// - Complexity: O(items³) time on one thread.
  package static func weights(
    counts: consuming [Double], items: Int, regularization: Double, progress: (Double) throws -> Void = { _ in }
  ) throws -> [Double]? {
    precondition(items > 0 && counts.count == items * items && regularization > 0)
    let done = try reporting(progress) { goesOn, context in
      illmrec_autoencoder(&counts, items, regularization, goesOn, context)
    }
    return done ? counts : nil
  }

  /// Runs a kernel that asks between its parts whether to go on.
  ///
  /// - Returns: whether it has ended well.
  private static func reporting(
    _ progress: (Double) throws -> Void, _ kernel: (illmrec_goes_on, UnsafeMutableRawPointer) -> Int32
  ) throws -> Bool {
    try withoutActuallyEscaping(progress) { progress in
      let listener = Listener(progress)
      let failed = withExtendedLifetime(listener) {
        kernel(
          { context, share in
            guard let context else { return 1 }
            return Unmanaged<Listener>.fromOpaque(context).takeUnretainedValue().goesOn(at: share) ? 1 : 0
          }, Unmanaged.passUnretained(listener).toOpaque())
      }
      if let error = listener.error { throw error }
      return failed == 0
    }
  }

  private final class Listener {
    private let progress: (Double) throws -> Void
    private(set) var error: (any Error)?

    init(_ progress: @escaping (Double) throws -> Void) { self.progress = progress }

    func goesOn(at share: Double) -> Bool {
      do {
        try progress(share)
        return true
      } catch {
        self.error = error
        return false
      }
    }
  }

  /// Two matrices of a few columns, left [items, rank] and right [items, rank].
  package struct Factors: Sendable {
    package var left: [Float]
    package var right: [Float]
  }

  /// The factors of nearly the nearest product left · rightᵀ to a matrix, each with the square roots of its singular values.
  /// The first columns have the greatest; columns beyond the matrix's rank are 0.
  ///
  /// Nil when the matrix holds a NaN or an infinity, or there is no memory.
  ///
  /// - Parameters:
  ///   - matrix: [items, items].
  ///   - normal: a random number of the standard normal distribution at each call.
  ///   - progress: as above.
  package static func factors(
    of matrix: [Double], items: Int, rank: Int, normal: () -> Double, progress: (Double) throws -> Void = { _ in }
  ) throws -> Factors? {
    precondition(items > 0 && matrix.count == items * items && (1...items).contains(rank))
    let width = min(items, rank + extraColumns)
    var basis = (0..<width * items).map { _ in normal() }
    var factors = Factors(
      left: [Float](repeating: 0, count: items * rank), right: [Float](repeating: 0, count: items * rank))
    let done = try reporting(progress) { goesOn, context in
      illmrec_low_rank(
        matrix, items, &basis, width, iterations, rank, &factors.left, &factors.right, goesOn, context)
    }
    return done ? factors : nil
  }

  /// Halko et al. advise 5 to 10 more than the rank; the weights' singular values fall slowly.
  private static let extraColumns = 32
  /// Beyond these the product gets nearer by less than a thousandth (measured on 3,587 films).
  private static let iterations = 8
}
