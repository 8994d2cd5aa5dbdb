/// An opened version: immutable, its files mapped until the last one who holds it lets go.
package final class IndexVersion: Sendable {
  package let info: VersionInfo
  /// No vector's L2 norm is larger.
  package let maxNorm: Double
  let data: VersionData

  init(info: VersionInfo, maxNorm: Double, data: consuming VersionData) {
    self.info = info
    self.maxNorm = maxNorm
    self.data = data
  }

  /// The stored vector of an item; nil when the version does not hold it.
  package func vector(of itemID: String) -> [Float]? {
    data.items.row(of: itemID).map { Array(data.vector(ofRow: $0)) }
  }
}
