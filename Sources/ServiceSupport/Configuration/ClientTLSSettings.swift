// SPDX-License-Identifier: Apache-2.0

package import GRPCTransport
package import Logging

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
  @Setting(
    "token-file",
    "Token to show to services with a --policy, in a file that its owner alone may read; sent by TLS or within this machine alone",
    placeholder: "file")
  private var tokenFile: String?

  package init() {}

  /// How services are called by these settings.
  ///
  /// - Parameter logger: is told when the token's file has changed; nil for who calls for a moment.
  package func options(logger: Logger? = nil) throws(SettingsError) -> ClientOptions {
    let tls = try tls()
    guard let tokenFile else { return ClientOptions(tls: tls) }
    return ClientOptions(tls: tls, token: try TokenFile(tokenFile, logger: logger))
  }

  /// Nil when services are called without TLS.
  ///
  /// - Throws: for settings that belong together and do not stand together, and for files that cannot be used.
  package func tls() throws(SettingsError) -> CGrpcClientTransport.Configuration.TLS? {
    try Self.tls(
      authorities: authorities, certificate: certificate, key: key, serverName: serverName, of: "the services")
  }

  /// What was given for calls by TLS of one kind of server; nil when they are called without.
  ///
  /// - Parameters:
  ///   - prefix: of the flags' names before `tls-`.
  ///   - servers: as a person calls them, for messages.
  /// - Throws: for settings that belong together and do not stand together.
  package static func tls(
    authorities: String?, certificate: String?, key: String?, serverName: String?, prefix: String = "",
    of servers: String
  ) throws(SettingsError) -> CGrpcClientTransport.Configuration.TLS? {
    guard (certificate == nil) == (key == nil) else {
      throw SettingsError(
        "--\(prefix)tls-client-certificate and --\(prefix)tls-client-key belong together; give both or neither",
        isUsage: true)
    }
    guard let authorities else {
      guard certificate == nil, serverName == nil else {
        throw SettingsError(
          "--\(prefix)tls-client-certificate and --\(prefix)tls-server-name are for calls by TLS; "
            + "give --\(prefix)tls-ca, the authorities of \(servers)",
          isUsage: true)
      }
      return nil
    }
    return .init(authorities: authorities, certificate: certificate, key: key, serverName: serverName)
  }
}

extension ServiceSettings {
  /// How this process calls other services; ``ClientTLSSettings`` must be among its flags.
  package func outgoing() throws(SettingsError) -> ClientOptions {
    try all.read(ClientTLSSettings.self)
      .options(logger: Logger(service: "outgoing", level: logLevel, format: logFormat))
  }
}
