// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ModelServing
import Models
import ServiceSupport
import Testing

@testable import EncoderService

@Suite("The encoder is configured by flags") struct EncoderConfigurationTests {
  private func configuration(_ flags: String...) throws -> EncoderConfiguration {
    try EncoderCommand.parse(["--checkpoint", "/models/shop/", "--store", "items.sqlite"] + flags).configuration().1
  }

  @Test func `Defaults are the published ones`() throws {
    let configuration = try configuration()
    #expect(configuration.model.first.name == "shop")
    #expect(configuration.store == "items.sqlite")
    #expect(configuration.limits.maxItems == 256)
    #expect(configuration.limits.maxMessageBytes == 64 << 20)
    #expect(configuration.maxBatchItems == nil)
    #expect(configuration.decodeThreads > 0)
  }

  @Test func `Flags reach the limits`() throws {
    let configuration = try configuration(
      "--max-items-per-request", "7", "--max-image-bytes", "2048", "--max-image-pixels", "4096", "--max-queue-items",
      "64", "--max-message-bytes", "100000", "--max-batch-items", "3", "--decode-threads", "2")
    #expect(configuration.limits.maxItems == 7)
    #expect(configuration.limits.image.maxBytes == 2048 && configuration.limits.image.maxPixels == 4096)
    #expect(configuration.limits.maxQueueItems == 64 && configuration.limits.maxMessageBytes == 100_000)
    #expect(configuration.maxBatchItems == 3 && configuration.decodeThreads == 2)
  }

  @Test(arguments: [
    (
      ["--max-queue-items", "100"],
      "--max-queue-items is 100; it must hold a request of --max-items-per-request 256"
    ),
    (["--max-message-bytes", "65536"], "--max-image-bytes is "),
    (["--decode-threads=-1"], "--decode-threads is -1"),
  ])
  func `Faults of the command line are named`(flags: [String], message: String) throws {
    let command = try EncoderCommand.parse(["--checkpoint", "c", "--store", "s"] + flags)
    let error = #expect(throws: ValidationError.self) { try command.configuration() }
    #expect(error?.message.hasPrefix(message) == true)
  }

  @Test func `Every setting is in the help`() {
    let help = EncoderCommand.helpMessage(columns: 200)
    for key in ServiceSettings.keys + ModelSettings.keys + EncoderSettings.keys + EncoderLimits.keys {
      #expect(help.contains("--\(key.name) ") || help.contains("--\(key.name)\n"), "\(key.name)")
    }
  }
}
