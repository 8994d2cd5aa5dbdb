// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCTransport
import Glibc
import InteropService

/// The server and the client of gRPC's interoperability tests over `GRPCTransport`, with the arguments that the other implementations'
/// programs in `Tests/Interop/peers` take:
///
///     InteropProbe server PORT [CERTIFICATE KEY [AUTHORITIES]]
///     InteropProbe client TARGET CASE [AUTHORITIES [CERTIFICATE KEY]]
@main
enum InteropProbe {
  static func main() async throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    switch arguments.first {
    case "server" where [2, 4, 5].contains(arguments.count):
      try await serve(port: arguments[1], files: Array(arguments[2...]))
    case "client" where [3, 4, 6].contains(arguments.count):
      guard let wanted = InteropCase(rawValue: arguments[2]) else { fallthrough }
      try await call(arguments[1], wanted, files: Array(arguments[3...]))
    default:
      print("usage: InteropProbe server PORT [CERTIFICATE KEY [AUTHORITIES]]")
      print("       InteropProbe client TARGET CASE [AUTHORITIES [CERTIFICATE KEY]]")
      exit(64)
    }
  }

  /// Until the process is killed.
  private static func serve(port: String, files: [String]) async throws {
    var configuration = CGrpcServerTransport.Configuration.defaults
    configuration.acceptsCompression = true
    configuration.compressesResponses = true
    if files.count >= 2 {
      configuration.tls = .init(
        certificate: files[0], key: files[1], clientAuthorities: files.count == 3 ? files[2] : nil)
    }
    let transport = try CGrpcServerTransport(address: "127.0.0.1:\(port)", configuration: configuration)
    try await GRPCServer(transport: transport, services: [InteropService()]).serve()
  }

  private static func call(_ target: String, _ wanted: InteropCase, files: [String]) async throws {
    var configuration = CGrpcClientTransport.Configuration.defaults
    configuration.acceptsCompression = true
    if let authorities = files.first {
      configuration.tls = .init(
        authorities: authorities, certificate: files.count == 3 ? files[1] : nil, key: files.count == 3 ? files[2] : nil
      )
    }
    let transport = try CGrpcClientTransport(target: target, configuration: configuration)
    do {
      try await withRunningClient(transport: transport) { try await wanted.run(InteropClient($0)) }
    } catch {
      print("\(wanted.rawValue): \(error)")
      exit(1)
    }
  }
}
