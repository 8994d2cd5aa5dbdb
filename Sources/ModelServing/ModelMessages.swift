// SPDX-License-Identifier: Apache-2.0

package import Models
package import ServiceAPI

extension Common_Space {
  package init(_ space: Space) {
    self =
      switch space {
      case .image: .image
      case .cf: .cf
      case .text: .text
      }
  }
}

extension Common_ModelRef {
  /// Names a loaded model in every answer.
  package init(name: String, version: String, _ fingerprints: ModelFingerprints) {
    self.init()
    self.name = name
    self.version = version
    fingerprint = fingerprints.model
    spaceFingerprint = fingerprints.space
  }
}
