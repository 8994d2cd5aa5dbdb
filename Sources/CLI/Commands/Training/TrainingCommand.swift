// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Basics
import GRPCCore
import ServiceAPI
import SwiftProtobuf

struct TrainingCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "training", abstract: "Load trainings into the running encoder and LLM service, and take them out.",
    discussion: """
      Both services hold several trainings over one frozen vision tower and one frozen LLM. A further one costs what was \
      trained, and requests choose by its space fingerprint. Loading stops nothing, and a training that is taken out answers \
      what it has begun.
      """,
    subcommands: [TrainingLoadCommand.self, TrainingUnloadCommand.self, TrainingListCommand.self])
}

struct TrainingLoadCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "load", abstract: "Serve a checkpoint's training beside the others.",
    discussion: """
      The checkpoint must lie in the directory that the services were started with (--trainings), on their machines. Only its \
      trained part is read; its frozen parts, which may be links, must be those that serve. With --default it answers requests \
      that name no training, once both services have it.

      Example:
        illmrec training load 2026-11-29
      """)

  @Argument(help: "The checkpoint's directory, beneath the services' --trainings.", transform: NonEmpty.text)
  var directory: String
  @Flag(name: .customLong("default"), help: "Let it answer the requests that name no training.")
  var makeDefault = false
  @Option(
    help: ArgumentHelp("Its name in answers; the directory's by default.", valueName: "name"), transform: NonEmpty.text)
  var modelName: String?
  @Option(
    help: ArgumentHelp("Its version in answers; 1 by default.", valueName: "version"), transform: NonEmpty.text)
  var modelVersion: String?
  @OptionGroup var hosts: TrainingHosts

  func perform() async throws {
    var answers: [(host: TrainingHost, response: Training_LoadTrainingResponse)] = []
    for host in hosts.all {
      answers.append((host, try await load(into: host, expecting: answers.first, asDefault: false)))
    }
    if makeDefault {
      // Once all have it: a service whose default the others lack would answer what they refuse.
      for (index, answer) in answers.enumerated() {
        answers[index].response.training = try await load(into: answer.host, expecting: answer, asDefault: true)
          .training
      }
    }
    if hosts.json { return try JSONOutput.write(answers.map { (name: $0.host.rawValue, message: $0.response) }) }
    for (host, response) in answers {
      let training = response.training
      Terminal.standardOutput.writeLine(
        "The \(host.name) \(response.wasLoaded ? "had" : "has loaded") "
          + VisibleText.of("\(training.model.name) \(training.model.version), ")
          + "\(training.model.spaceFingerprint)" + (training.isDefault ? ", and it is the default." : "."))
    }
  }

  /// - Parameter first: what the service before has loaded: the same training, or none.
  private func load(
    into host: TrainingHost, expecting first: (host: TrainingHost, response: Training_LoadTrainingResponse)?,
    asDefault: Bool
  ) async throws -> Training_LoadTrainingResponse {
    let request = Training_LoadTrainingRequest.with {
      $0.directory = directory
      $0.name = modelName ?? ""
      $0.version = modelVersion ?? ""
      $0.makeDefault = asDefault
      $0.expectedSpaceFingerprint = first?.response.training.model.spaceFingerprint ?? ""
    }
    return try await hosts.withAdmin(of: host) { try await $0.loadTraining(request) }
  }
}

struct TrainingUnloadCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "unload", abstract: "Take a training out, once its last request has ended.",
    discussion: """
      Requests that name it are refused from the start; those in progress are answered. Ctrl-C waits no longer, and the \
      training goes all the same.

      The default is refused. So is a training that an index version needs which answers, is being rolled out, or is kept for \
      going back, where the services are told whom to ask (--retrieval, as with illmrec up); --force takes it out all the same, \
      and the users of those versions fail.

      Examples:
        illmrec training unload 3fb0c2a91d44
        illmrec training unload 3fb0c2a91d44 --force     nobody will go back to what it built
      """)

  @Argument(
    help: "Its space fingerprint, the first 4 digits of it or more, its directory or its name.",
    transform: NonEmpty.text)
  var training: String
  @Flag(help: "Take it out although index versions need it, or nobody can tell whether they do.")
  var force = false
  @OptionGroup var hosts: TrainingHosts

  func perform() async throws {
    var found: [(host: TrainingHost, training: Training_Training)] = []
    for host in hosts.all {
      found.append((host, try await hosts.trainings(of: host).training(named: training, by: host)))
    }
    guard Set(found.map(\.training.model.spaceFingerprint)).count == 1 else {
      throw CLIError(
        .invalidInput,
        "\"\(training)\" names another training in each of the services; name it by its space fingerprint, or one service "
          + "with --only")
    }
    var unloaded: [(host: TrainingHost, response: Training_UnloadTrainingResponse)] = []
    for (host, training) in found {
      let request = Training_UnloadTrainingRequest.with {
        $0.spaceFingerprint = training.model.spaceFingerprint
        $0.force = force
      }
      unloaded.append((host, try await hosts.withAdmin(of: host) { try await $0.unloadTraining(request) }))
    }
    if hosts.json { return try JSONOutput.write(unloaded.map { (name: $0.host.rawValue, message: $0.response) }) }
    for (host, response) in unloaded {
      let model = response.training.model
      Terminal.standardOutput.writeLine(
        "The \(host.name) has unloaded "
          + VisibleText.of("\(model.name) \(model.version), \(model.spaceFingerprint)\(check(response)).")
      )
    }
  }

  /// Who said that nobody needs it.
  private func check(_ response: Training_UnloadTrainingResponse) -> String {
    if force { return "" }
    return response.asked.isEmpty
      ? ", and asked nobody whether an index version needs it: it was started without --retrieval"
      : "; no index version at \(response.asked) needs it"
  }
}

struct TrainingListCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the trainings that the encoder and the LLM service hold.",
    discussion: "Example:\n  illmrec training list --json")

  @OptionGroup var hosts: TrainingHosts

  func perform() async throws {
    var lists: [(host: TrainingHost, response: Training_ListTrainingsResponse)] = []
    for host in hosts.all { lists.append((host, try await hosts.trainings(of: host))) }
    if hosts.json { return try JSONOutput.write(lists.map { (name: $0.host.rawValue, message: $0.response) }) }
    var table = TrainingTable()
    for (host, response) in lists {
      for training in response.trainings { table.add(training, of: host) }
    }
    table.write(to: .standardOutput)
  }
}
