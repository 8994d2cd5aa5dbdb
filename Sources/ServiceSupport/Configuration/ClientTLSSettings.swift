// SPDX-License-Identifier: Apache-2.0

package import GRPCTransport

/// How a process that calls services makes sure of them, and proves who it is.
package struct ClientTLSSettings: SettingGroup {
  @Setting(
    "tls-ca", "Authorities of the services that are called, PEM: with it they are called by TLS alone",
    placeholder: "file")
  private var authorities: String?
  @Setting(
    "tls-client-certificate", "Certificate to show to services that ask for one (their --tls-client-ca), PEM",
    placeholder: "file")
  private var certificate: String?
  @Setting(
    "tls-client-key", "Private key of --tls-client-certificate, PEM without a passphrase", placeholder: "file")
  private var key: String?
  @Setting(
    "tls-server-name", "Name that the services' certificates must be for, in place of the one in their targets",
    placeholder: "name")
  private var serverName: String?

  package init() {}

  /// Nil when services are called without TLS.
  ///
  /// - Throws: for settings that belong together and do not stand together, and for files that cannot be used.
  package func tls() throws(SettingsError) -> CGrpcClientTransport.Configuration.TLS? {
    guard (certificate == nil) == (key == nil) else {
      throw SettingsError(
        "--tls-client-certificate and --tls-client-key belong together; give both or neither", isUsage: true)
    }
    guard let authorities else {
      guard certificate == nil, serverName == nil else {
        throw SettingsError(
          "--tls-client-certificate and --tls-server-name are for calls by TLS; give --tls-ca, the services' authorities",
          isUsage: true)
      }
      return nil
    }
    return .init(authorities: authorities, certificate: certificate, key: key, serverName: serverName)
  }
}
