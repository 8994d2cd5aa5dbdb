// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Signs certificates for a test, with Debian's openssl. Its files last as long as the directory.
package struct CertificateAuthority {
  package struct Pair: Sendable {
    package let certificate: String
    package let key: String
  }

  /// The authority's own certificate.
  package let certificate: String
  private let key: String
  private let directory: TemporaryDirectory

  package init(_ name: String = "authority", in directory: TemporaryDirectory) throws {
    self.directory = directory
    certificate = directory.file("\(name).pem")
    key = directory.file("\(name).key")
    try openssl(
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
      certificate, "-days", "30", "-subj", "/CN=\(name)")
  }

  /// - Parameters:
  ///   - name: of the files, and the certificate's common name.
  ///   - alternatives: as OpenSSL writes them: "IP:127.0.0.1", "DNS:localhost", "URI:spiffe://shop/gateway".
  ///   - days: from now on; less than zero for one that has expired.
  package func issue(
    _ name: String, _ alternatives: [String] = ["DNS:localhost", "IP:127.0.0.1"], days: Int = 30
  ) throws -> Pair {
    let pair = Pair(certificate: directory.file("\(name).pem"), key: directory.file("\(name).key"))
    let request = directory.file("\(name).csr")
    let extensions = try directory.write("subjectAltName=\(alternatives.joined(separator: ","))\n", to: "\(name).ext")
    try openssl(
      "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", pair.key, "-out", request,
      "-subj", "/O=illmrec/CN=\(name)")
    try openssl(
      "x509", "-req", "-in", request, "-CA", certificate, "-CAkey", key, "-CAcreateserial", "-days", "\(days)",
      "-extfile", extensions, "-out", pair.certificate)
    return pair
  }
}

private func openssl(_ arguments: String...) throws {
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/openssl")
  process.arguments = arguments
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = FileHandle.nullDevice
  process.standardError = FileHandle.nullDevice
  try process.run()
  process.waitUntilExit()
  guard process.terminationStatus == 0 else {
    throw CocoaError(.executableLoad, userInfo: [NSDebugDescriptionErrorKey: "openssl \(arguments) failed"])
  }
}
