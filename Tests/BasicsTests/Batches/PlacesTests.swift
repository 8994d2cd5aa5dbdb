// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Basics

private struct NumberError: Error, Equatable {
  let number: Int
}

@Suite("Results stand where their elements stood") struct PlacesTests {
  @Test func `Results stand where their elements stood`() {
    var computed: [[Int]] = []
    let results = [1, nil, 3, nil].mapPresent { numbers in
      computed.append(numbers)
      return numbers.map { "\($0)" }
    }
    #expect(results == ["1", nil, "3", nil])
    #expect(computed == [[1, 3]])
  }

  private let batch: [Result<Int, NumberError>] = [.success(1), .failure(NumberError(number: 2)), .success(3)]

  private let expected: [Result<String, NumberError>] = [
    .success("one"), .failure(NumberError(number: 2)), .failure(NumberError(number: 3)),
  ]

  private func compute(_ numbers: [Int]) -> [Result<String, NumberError>] {
    numbers.map { $0 == 1 ? .success("one") : .failure(NumberError(number: $0)) }
  }

  @Test func `Failures stand between what became of the successes`() {
    #expect(batch.flatMapSuccesses(compute) == expected)
  }

  @Test func `Failures stand there when computing waits too`() async {
    let results = await batch.flatMapSuccesses { numbers async in
      await Task.yield()
      return compute(numbers)
    }
    #expect(results == expected)
  }

  @Test func `Nothing is computed of nothing`() {
    let batch: [Result<Int, NumberError>] = [.failure(NumberError(number: 1))]
    let results = batch.flatMapSuccesses { _ -> [Result<Int, NumberError>] in
      Issue.record("there is nothing to compute")
      return []
    }
    #expect(results == batch)
  }

  @Test(arguments: 1...9) func `One element's failure is its own`(count: Int) {
    for bad in 0..<count {
      var computations = 0
      let results = Array(0..<count).mapTogether(failingAlone: { (error: NumberError) in error.number == bad }) {
        numbers throws(NumberError) -> [String] in
        computations += 1
        if numbers.contains(bad) { throw NumberError(number: bad) }
        return numbers.map(String.init)
      }
      #expect(results == (0..<count).map { $0 == bad ? .failure(NumberError(number: bad)) : .success("\($0)") })
      #expect(computations <= 9)
    }
  }

  @Test func `A failure that is nobody's own is everybody's`() {
    var computations = 0
    let results = [1, 2, 3].mapTogether(failingAlone: { (error: NumberError) in error.number != 7 }) {
      _ throws(NumberError) -> [Int] in
      computations += 1
      throw NumberError(number: 7)
    }
    #expect(results == Array(repeating: .failure(NumberError(number: 7)), count: 3))
    #expect(computations == 1)
    let none = [Int]().mapTogether(failingAlone: { (_: NumberError) in true }) { numbers throws(NumberError) in
      numbers
    }
    #expect(none.isEmpty)
  }

  @Test func `An error of the whole batch is thrown`() {
    #expect(throws: NumberError(number: 7)) {
      try [1, nil].mapPresent { _ throws(NumberError) -> [Int] in throw NumberError(number: 7) }
    }
  }
}
