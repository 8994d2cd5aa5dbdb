// SPDX-License-Identifier: Apache-2.0

/// How a service proves who it is, and whether its clients have to.
package struct ServerTLSSettings: SettingGroup {
  @Setting(
    "tls-certificate",
    "The service's certificate and those between it and its authority, PEM; changed files are in use without a restart",
    placeholder: "file")
  package var certificate: String?
  @Setting("tls-key", "Private key of --tls-certificate, PEM without a passphrase", placeholder: "file")
  package var key: String?
  @Setting(
    "tls-client-ca",
    "Authorities of clients, PEM: every client must show a certificate that one of them signed; without it none is asked for",
    placeholder: "file")
  package var clientAuthorities: String?
  @Setting(
    "insecure", "Listen without TLS on an address that other machines can reach; whoever can connect may do everything",
    allowed: .oneOf([.off, Switch(true)]))
  private var insecure = Switch.off

  package init() {}

  /// For the log.
  var kind: String { certificate == nil ? "off" : clientAuthorities == nil ? "on" : "on, clients need certificates" }

  package var isInsecure: Bool { insecure.isOn }

  /// What no single value can tell.
  ///
  /// - Parameter flag: by which the host was given.
  func check(host: String, flag: String = "--host") throws(SettingsError) {
    guard (certificate == nil) == (key == nil) else {
      throw SettingsError("--tls-certificate and --tls-key belong together; give both or neither", isUsage: true)
    }
    guard clientAuthorities == nil || certificate != nil else {
      throw SettingsError(
        "--tls-client-ca asks clients for certificates, which takes TLS; give --tls-certificate and --tls-key as well",
        isUsage: true)
    }
    guard certificate != nil || isInsecure || LoopbackAddress.contains(host) else {
      throw SettingsError(
        "\(flag) \(host) can be reached from other machines, and without TLS whoever reaches it may read and change "
          + "everything; give --tls-certificate and --tls-key (and --tls-client-ca to let in known clients alone), or "
          + "--insecure where the network itself keeps strangers out",
        isUsage: true)
    }
  }
}
