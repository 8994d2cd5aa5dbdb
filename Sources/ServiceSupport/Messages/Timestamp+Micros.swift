// SPDX-License-Identifier: Apache-2.0

package import SwiftProtobuf

extension Google_Protobuf_Timestamp {
  /// - Parameter unixMicros: microseconds since 1970.
  package init(unixMicros: Int64) {
    let (seconds, micros) = unixMicros.quotientAndRemainder(dividingBy: 1_000_000)
    self.init(seconds: seconds, nanos: Int32(micros) * 1000)
  }
}
