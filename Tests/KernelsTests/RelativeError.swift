// SPDX-License-Identifier: Apache-2.0

/// Largest absolute difference over the largest absolute expected value.
func relativeError(_ found: [Float], _ expected: [Float]) -> Float {
  guard found.count == expected.count else { return .infinity }
  let largest = expected.map(abs).max() ?? 0
  let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
  if difference.isNaN { return .infinity }
  return largest == 0 ? difference : difference / largest
}
