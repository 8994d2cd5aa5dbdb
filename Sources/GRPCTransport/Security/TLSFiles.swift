// SPDX-License-Identifier: Apache-2.0

import CGrpcShim

/// Files of PEM text for one side of TLS.
struct TLSFiles: Sendable {
  var certificate: String?
  var key: String?
  var authorities: String?

  /// - Throws: `TransportError.Code.invalidCertificate`, whose message names the file and what is wrong with it.
  func check() throws(TransportError) {
    guard (certificate == nil) == (key == nil) else {
      throw TransportError(
        code: .invalidConfiguration, message: "a certificate and its key belong together; give both or neither")
    }
    let capacity = 1024
    let problem: String? = withCoreFiles { files in
      withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { text in
        illmrec_tls_files_check(files, text.baseAddress, capacity) ? nil : text.baseAddress.map { String(cString: $0) }
      }
    }
    if let problem { throw TransportError(code: .invalidCertificate, message: problem) }
  }

  /// Calls `body` with the paths in the shim's form, valid during the call.
  func withCoreFiles<R>(_ body: (UnsafePointer<illmrec_tls_files>) -> R) -> R {
    certificate.withOptionalCString { certificate in
      key.withOptionalCString { key in
        authorities.withOptionalCString { authorities in
          withUnsafePointer(
            to: illmrec_tls_files(certificate: certificate, key: key, authorities: authorities), body)
        }
      }
    }
  }
}

extension String? {
  fileprivate func withOptionalCString<R>(_ body: (UnsafePointer<CChar>?) -> R) -> R {
    switch self {
    case .some(let text): text.withCString { body($0) }
    case .none: body(nil)
    }
  }
}

extension TLSFiles? {
  /// As `TLSFiles.withCoreFiles`; nil, for no TLS, is NULL.
  func withCoreFiles<R>(_ body: (UnsafePointer<illmrec_tls_files>?) -> R) -> R {
    switch self {
    case .some(let files): files.withCoreFiles { body($0) }
    case .none: body(nil)
    }
  }
}
