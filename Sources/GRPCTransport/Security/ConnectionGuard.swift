// SPDX-License-Identifier: Apache-2.0

import CGrpcShim

extension CGrpcServerTransport {
  /// Whether `Configuration.ConnectionLimits` have an effect in this process: they need gRPC core's shared library as it was built for
  /// Debian 12, linked in the usual way, and no sanitizer.
  public static var canLimitConnections: Bool { illmrec_can_limit_connections() }

  /// How often each limit has closed a connection since the process began, of all its servers.
  public static var closedConnections: ClosedConnections {
    let counts = illmrec_count_closed_connections()
    return ClosedConnections(
      overTotal: Int(counts.over_connections), overPerAddress: Int(counts.over_connections_per_address),
      overHeaderBlock: Int(counts.over_header_block), overIdleFrames: Int(counts.over_idle_frames))
  }

  public struct ClosedConnections: Sendable, Hashable {
    /// By `ConnectionLimits.total`, or because descriptors had run out.
    public let overTotal: Int
    /// By `ConnectionLimits.perAddress`.
    public let overPerAddress: Int
    /// Header blocks without end.
    public let overHeaderBlock: Int
    /// By `ConnectionLimits.idleFramesPerSecond`.
    public let overIdleFrames: Int
  }
}
