// SPDX-License-Identifier: Apache-2.0

import CatalogStore
import ModelServing
import Models
import ServiceSupport

extension ServiceFailure {
  /// What a client is told of an image that cannot be used.
  init(_ error: ImageError, field: String? = nil) {
    let reason: FailureReason =
      switch error.code {
      case .empty: .imageEmpty
      case .tooLarge: .imageTooLarge
      case .tooManyPixels: .imageTooManyPixels
      case .formatUnsupported: .imageFormatUnsupported
      case .truncated: .imageTruncated
      case .corrupt: .imageCorrupt
      case .sizeMismatch: .imageSizeMismatch
      case .outOfMemory: .outOfMemory
      }
    self.init(reason, error.message, inOneOf: [field])
  }

  /// What a client is told of the store's error. SQLite's own words are for the server's log.
  init(_ error: StoreError) {
    let reason: FailureReason =
      switch error.code {
      case .unavailable: .storageUnavailable
      case .readOnly: .storageReadOnly
      case .full: .storageFull
      case .corrupt: .storageCorrupt
      case .tooNew: .formatUnsupported
      case .locked: .storageInUse
      case .failed: .storageFailed
      case .snapshotNotFound: .snapshotNotFound
      case .nothingCommitted: .nothingCommitted
      case .releaseMissing: .releasedSnapshotMissing
      case .releaseForeign: .catalogMismatch
      case .snapshotInUse: .snapshotInUse
      case .draftEmpty: .draftEmpty
      }
    self.init(reason, error.message)
  }

  /// What a client is told of one item's failure among others.
  ///
  /// - Parameter imageField: path of the item's image in the request; nil when there is none.
  init(ofItem error: any Error, imageField: String?) {
    switch error {
    case let error as ImageError: self.init(error, field: imageField)
    case let error as StoreError: self.init(error)
    default: self.init(of: "item", error)
    }
  }
}

extension StoreError {
  /// Whether the store is to be looked after; otherwise the request asked for what is not there.
  var isOfStorage: Bool {
    switch code {
    case .unavailable, .readOnly, .full, .corrupt, .tooNew, .locked, .failed, .releaseMissing: true
    case .releaseForeign, .snapshotNotFound, .nothingCommitted, .snapshotInUse, .draftEmpty: false
    }
  }
}
