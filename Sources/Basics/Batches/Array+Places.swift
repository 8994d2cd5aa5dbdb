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
