// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GRPCTransport
import Kernels
import ModelServing
import Models
import ServiceSupport
import TestSupport
import Testing

@testable import LLMService

@Suite("The LLM service is configured by flags") struct LLMConfigurationTests {
  private func configuration(_ flags: String...) throws -> LLMConfiguration {
    let command = try LLMCommand.parse(["--checkpoint", "/models/shop/"] + flags)
    return try command.configuration().1
  }

  @Test func `Defaults are the published ones`() throws {
    let configuration = try configuration()
    #expect(configuration.served.checkpoints.map(\.directory) == ["/models/shop/"])
    #expect(configuration.location(of: configuration.served.first).llmWeights == nil)
    #expect(configuration.served.trainings.directory == nil && configuration.served.trainings.maxTrainings == 8)
    #expect(configuration.model.spaces == [.image])
    #expect(configuration.model.spaceWeights == nil)
    #expect(configuration.model.maxHistoryItems == nil, "as each checkpoint says")
    #expect(configuration.model.maxPromptTokens == 4096)
    #expect(configuration.model.maxItemListTokens == 3850)
    #expect(configuration.model.threads == nil)
    #expect(configuration.model.prefixCacheBytes == 1 << 30)
    #expect(configuration.model.prefixCacheElement == nil)
    #expect(configuration.served.first.name == "shop")
    #expect(configuration.served.first.version == "1")
    #expect(configuration.limits.maxUsers == 32)
  }

  @Test func `The retrieval service that is asked before an unload is called as the flags say`() throws {
    #expect(try configuration("--retrieval", "r:1").served.trainings.outgoing.tls == nil)
    let trainings = try configuration("--retrieval", "r:1", "--tls-ca", "ca.pem").served.trainings
    #expect(trainings.retrieval == "r:1" && trainings.outgoing.tls?.authorities == "ca.pem")
    let error = #expect(throws: ValidationError.self) { try configuration("--tls-server-name", "retrieval") }
    #expect(error?.message.contains("give --tls-ca, the authorities of the services") == true)
  }

  @Test func `Several checkpoints have names and versions of their own`() throws {
    let directory = try TemporaryDirectory()
    let served = try configuration(
      "--checkpoint", "/models/next/", "--checkpoint", "/models/last", "--model-name", "shop", "--model-version", "3",
      "--model-version", "4", "--trainings", directory.path, "--max-trainings", "3"
    ).served
    #expect(served.checkpoints.map(\.directory) == ["/models/shop/", "/models/next/", "/models/last"])
    #expect(served.checkpoints.map(\.name) == ["shop", "next", "last"])
    #expect(served.checkpoints.map(\.version) == ["3", "4", "1"])
    #expect(served.trainings.directory?.path == directory.path && served.trainings.maxTrainings == 3)
  }

  @Test(arguments: [
    (["--model-name", "a", "--model-name", "b"], "--model-name is given 2 times for 1 of --checkpoint"),
    (["--checkpoint", "c", "--max-trainings", "1"], "--checkpoint is given 2 times, --max-trainings is 1"),
    (["--trainings", "/no/such/directory"], "--trainings /no/such/directory is no directory"),
  ])
  func `Checkpoints that do not fit together are refused`(flags: [String], message: String) throws {
    let command = try LLMCommand.parse(["--checkpoint", "/models/shop/"] + flags)
    let error = #expect(throws: (any Error).self) { try command.configuration() }
    #expect(error.map { "\($0)".contains(message) } == true, "\(error.map { "\($0)" } ?? "")")
  }

  @Test func `Flags reach the limits`() throws {
    let limits = try configuration("--max-queue-tokens", "8192", "--max-users-per-request", "3").limits
    #expect(limits.maxQueueTokens == 8192 && limits.maxUsers == 3)
    #expect(limits.maxBatchTokens == 1024)
  }

  @Test func `Flags reach the model`() throws {
    let configuration = try configuration(
      "--llm-weights", "/models/llm", "--spaces", "image,text", "--space-weights", "0.75,0.25", "--max-history-items",
      "5",
      "--model-name", "n", "--model-version", "v2", "--threads", "3", "--prefix-cache-bytes", "0",
      "--prefix-cache-precision", "bf16")
    #expect(configuration.location(of: configuration.served.first).llmWeights == "/models/llm")
    #expect(configuration.served.trainings.llmWeights == "/models/llm")
    #expect(configuration.model.spaces == [.image, .text])
    #expect(configuration.model.spaceWeights == [0.75, 0.25])
    #expect(configuration.model.maxHistoryItems == 5)
    #expect(configuration.served.first.name == "n")
    #expect(configuration.served.first.version == "v2")
    #expect(configuration.model.threads == 3)
    #expect(configuration.model.prefixCacheBytes == 0)
    #expect(configuration.model.prefixCacheElement == .bfloat16)
  }

  @Test(arguments: [
    (["--spaces", "image,video"], "--spaces names \"video\"; allowed: image, cf, text, separated by commas"),
    (["--space-weights", "a"], "--space-weights holds \"a\"; give finite numbers, separated by commas"),
    (["--space-weights", "1,2"], "--space-weights has 2 numbers for 1 spaces; give one for each"),
    (["--max-queue-tokens", "100"], "--max-queue-tokens is 100; it must hold a batch (1024) and a prompt (4096)"),
    (["--max-history-items", "0"], "--max-history-items is 0; allowed: 1 to 1000 items"),
  ])
  func `Faults of the command line are named`(flags: [String], message: String) throws {
    let command = try LLMCommand.parse(["--checkpoint", "c"] + flags)
    let error = #expect(throws: ValidationError.self) { try command.configuration() }
    #expect(error?.message == message)
  }

  @Test func `The checkpoint is required`() throws {
    let error = #expect(throws: ValidationError.self) { try LLMCommand.parse([]).configuration() }
    #expect(error?.message.hasPrefix("--checkpoint is required: Directory of the checkpoint") == true)
  }

  @Test func `Every key is in the help`() {
    let help = LLMCommand.helpMessage(columns: 200)
    for key in ModelSettings.keys + LLMSettings.keys + LLMLimits.keys { #expect(help.contains("--\(key.name) ")) }
  }
}
