// SPDX-License-Identifier: Apache-2.0

import ServiceAPI
import SwiftProtobuf

@testable import ServiceSupport
@testable import Traces

/// What callers send, and the files by which services judge them.
extension FuzzTarget {
  static let services: [String: FuzzTarget] = [
    "messages": FuzzTarget(run: { checkMessage($0) }, seeds: { messageSeeds }),
    "policy": FuzzTarget(texts: ["policy": policySeed]) { bytes in
      FuzzedFile.with(bytes, named: "p") { folder in
        guard let file = taken({ try FileContents(of: folder + "/p") }),
          let policy = taken({ try AccessPolicy(file, report: { _ in }) })
        else { return }
        require(policy.tokens.count <= AccessPolicy.maxTokens, "tokens are bounded")
      }
    },
    "configuration": FuzzTarget(texts: ["settings": settingsSeed]) { bytes in
      FuzzedFile.with(bytes, named: "c") { folder in
        let settings = taken { try Settings(keys: keys, environment: [:], file: folder + "/c") }
        if let settings { _ = (settings.description, taken { try ServiceSettings(settings, defaultPort: 1) }) }
      }
    },
    "trace_context": FuzzTarget(texts: ["first": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]) { bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      guard let context = TraceContext(continuing: text) else { return }
      require(text.utf8.count >= 55 && context.traceID.utf8.count == 32, "a trace has a name")
      let told = TraceContext(continuing: context.text)
      require(told?.traceID == context.traceID && told?.parentID == context.spanID, "and others are told it")
      require(told?.isSampled == context.isSampled, "and whether it is recorded")
    },
  ]

  private static let keys = ServiceSettings.keys

  private static let types: [(method: String, decode: @Sendable ([UInt8]) throws -> any Message)] = [
    ("illmrec.encoder.v1.EncoderService/EncodeImages", { try Encoder_EncodeImagesRequest(serializedBytes: $0) }),
    ("illmrec.llm.v1.LLMService/EncodeUsers", { try LLM_EncodeUsersRequest(serializedBytes: $0) }),
    ("illmrec.retrieval.v1.RetrievalService/Search", { try Retrieval_SearchRequest(serializedBytes: $0) }),
    ("illmrec.recommender.v1.RecommenderService/Recommend", { try Recommender_RecommendRequest(serializedBytes: $0) }),
  ]

  /// The first byte says of which type the message is.
  private static func checkMessage(_ input: UnsafeRawBufferPointer) {
    guard let first = input.first else { return }
    let (method, decode) = types[Int(first) % types.count]
    let bytes = UnsafeRawBufferPointer(rebasing: input[1...])
    let shapes = DecodingBudget.shapes
    guard let type = shapes.requests[method] else { fatalError("there is no \(method)") }
    let measured = DecodedSize.of(bytes, as: type, shapes, limit: 64 << 20)
    guard case .bytes(let size) = measured else { return }
    require(DecodedSize.of(bytes, as: type, shapes, limit: size) == measured, "the limit does not change the size")
    require(DecodedSize.of(bytes, as: type, shapes, limit: size - 1) == .overLimit, "and is one")
    // What is decoded has been counted: every byte of its canonical form takes memory.
    guard let message = taken({ try decode(Array(bytes)) }),
      let again = taken({ () throws -> [UInt8] in try message.serializedBytes() })
    else { return }
    require(again.count <= size, "a message takes no less than what it says")
  }

  private static let messageSeeds: [(name: String, bytes: [UInt8])] = {
    let images = Encoder_EncodeImagesRequest.with { request in
      request.items = [
        .with {
          $0.itemID = "a"
          $0.encoded = .init([1, 2, 3])
        }
      ]
    }
    let recommend = Recommender_RecommendRequest.with { request in
      request.users = [
        .with {
          $0.userID = "u"
          $0.interactions = [.with { $0.itemID = "a long name of an item" }]
        }
      ]
    }
    let search = Retrieval_SearchRequest.with {
      $0.queries = [
        .with {
          $0.k = 3
          $0.queryID = "q"
        }
      ]
    }
    let all: [(Int, any Message)] = [(0, images), (2, search), (3, recommend)]
    return all.compactMap { type, message in
      let bytes = taken { () throws -> [UInt8] in try message.serializedBytes() }
      return bytes.map { ("type-\(type)", [UInt8(type)] + $0) }
    }
  }()

  private static let policySeed = """
    {"identities": [{"name": "shop", "tenant": "t", "roles": ["read", "publish"], "certificates": ["DNS:a.example"],
      "tokens": ["sha256:0000000000000000000000000000000000000000000000000000000000000000"],
      "quota": {"requests_per_second": 5, "burst": 10, "concurrent": 3}, "speaks_for_tenants": true}],
     "anonymous": {"roles": ["read"]}}
    """

  private static let settingsSeed = """
    {"port": 50052, "host": "::1", "max-message-bytes": 65536, "default-deadline": 2.5, "reflection": "off",
     "drain-timeout": 3}
    """
}
