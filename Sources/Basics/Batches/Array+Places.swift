// SPDX-License-Identifier: Apache-2.0

// Computing a batch of which not every element can be computed: the others keep their places.

extension Array {
  /// Computes the elements that are there together, e.g. in one matrix product, and puts the results back in their places.
  ///
  /// - Parameter compute: gives one result per element that is not nil, in order; not called when there is none.
  package func mapPresent<Wrapped, Output, Thrown>(
    _ compute: ([Wrapped]) throws(Thrown) -> [Output]
  ) throws(Thrown) -> [Output?] where Element == Wrapped? {
    let present = compactMap(\.self)
    return filled(with: present.isEmpty ? [] : try compute(present))
  }

  /// As the other, where computing waits.
  package func mapPresent<Wrapped, Output, Thrown>(
    _ compute: ([Wrapped]) async throws(Thrown) -> [Output]
  ) async throws(Thrown) -> [Output?] where Element == Wrapped? {
    let present = compactMap(\.self)
    return filled(with: present.isEmpty ? [] : try await compute(present))
  }

  /// Computes the sound elements together and puts what becomes of them back between the failures.
  ///
  /// - Parameter compute: gives one result per success, in order; not called when there is none.
  package func flatMapSuccesses<Success, Failure, Output, Thrown>(
    _ compute: ([Success]) throws(Thrown) -> [Result<Output, Failure>]
  ) throws(Thrown) -> [Result<Output, Failure>] where Element == Result<Success, Failure> {
    withFailures(among: try map { try? $0.get() }.mapPresent(compute))
  }

  /// As the other, where computing waits.
  package func flatMapSuccesses<Success, Failure, Output, Thrown>(
    _ compute: ([Success]) async throws(Thrown) -> [Result<Output, Failure>]
  ) async throws(Thrown) -> [Result<Output, Failure>] where Element == Result<Success, Failure> {
    withFailures(among: try await map { try? $0.get() }.mapPresent(compute))
  }

  /// Computes the elements together, and, where that fails for one element's sake, the halves apart: that element has the
  /// failure alone, for the price of a few computations more.
  ///
  /// - Parameters:
  ///   - isOfOne: whether a failure is due to one element; any other is everybody's.
  ///   - compute: gives one result per element, in order; not called when there is none.
  package func mapTogether<Output, Failure>(
    failingAlone isOfOne: (Failure) -> Bool, _ compute: ([Element]) throws(Failure) -> [Output]
  ) -> [Result<Output, Failure>] {
    guard !isEmpty else { return [] }
    do {
      let outputs = try compute(self)
      precondition(outputs.count == count, "a batch has one result for each element")
      return outputs.map { .success($0) }
    } catch {
      guard count > 1, isOfOne(error) else { return map { _ in .failure(error) } }
      let halves = [Array(prefix(count / 2)), Array(dropFirst(count / 2))]
      return halves.flatMap { $0.mapTogether(failingAlone: isOfOne, compute) }
    }
  }

  private func filled<Wrapped, Output>(with outputs: [Output]) -> [Output?] where Element == Wrapped? {
    precondition(outputs.count == count { $0 != nil }, "a batch has one result for each element that was computed")
    var outputs = outputs.makeIterator()
    return map { $0 == nil ? nil : outputs.next() }
  }

  private func withFailures<Success, Failure, Output>(
    among outcomes: [Result<Output, Failure>?]
  ) -> [Result<Output, Failure>] where Element == Result<Success, Failure> {
    zip(self, outcomes).map { element, outcome in
      switch element {
      case .failure(let failure): return .failure(failure)
      case .success:
        guard let outcome else { preconditionFailure("every success was computed") }
        return outcome
      }
    }
  }
}
