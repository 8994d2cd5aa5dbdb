// SPDX-License-Identifier: Apache-2.0

extension Array {
  /// Cuts the array into runs that each fit one RPC.
  ///
  /// - Parameters:
  ///   - maxCount: elements of one run; at least 1.
  ///   - maxBytes: sum of `bytes` over one run; an element larger than that makes a run of its own.
  package func portions(
    maxCount: Int, maxBytes: Int = .max, bytes: (Element) -> Int = { _ in 0 }
  ) -> [ArraySlice<Element>] {
    var portions: [ArraySlice<Element>] = []
    var start = startIndex
    var sum = 0
    for index in indices {
      let size = bytes(self[index])
      if index > start, index - start >= maxCount || sum + size > maxBytes {
        portions.append(self[start..<index])
        (start, sum) = (index, 0)
      }
      sum += size
    }
    if start < endIndex { portions.append(self[start...]) }
    return portions
  }
}
