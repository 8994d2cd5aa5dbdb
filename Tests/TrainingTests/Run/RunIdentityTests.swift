// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Training

@Suite("A run has a name and a beginning") struct RunIdentityTests {
  private let temporary: TemporaryDirectory
  private let directory: RunDirectory

  init() throws {
    temporary = try TemporaryDirectory()
    directory = RunDirectory(temporary.path + "/october/")
    try directory.create()
  }

  private func identity(_ name: String? = nil, resumes: Bool, at seconds: Double) throws -> RunIdentity {
    try directory.identity(named: name, resumes: resumes, now: Date(timeIntervalSince1970: seconds))
  }

  @Test func `It is called by its directory, and a run that goes on keeps both`() throws {
    let first = try identity(resumes: false, at: 1_000_000)
    #expect(first.name == "october")
    #expect(first.began == "1970-01-12T13:46:40Z")
    #expect(try identity(resumes: true, at: 2_000_000) == first)
    #expect(try identity("october", resumes: true, at: 2_000_000) == first)
    let error = #expect(throws: TrainingError.self) { try identity("november", resumes: true, at: 2_000_000) }
    #expect(error?.message.contains("is the run october") == true)
    #expect(try identity("november", resumes: false, at: 3_000_000).name == "november")
  }

  @Test func `A run of before gets a name when it goes on, and a broken file is named`() throws {
    let resumed = try identity(resumes: true, at: 1_000_000)
    #expect(resumed.name == "october")
    try Data("{".utf8).write(to: URL(filePath: directory.path + "/run.json"))
    let error = #expect(throws: TrainingError.self) { try identity(resumes: true, at: 1_000_000) }
    #expect(error?.message.contains("run.json cannot be read") == true)
  }
}

@Suite("A link leads from one place to another") struct RelativePathTests {
  @Test(arguments: [
    ("/runs/a/checkpoint", "/runs/base/llm", "../../base/llm"), ("/runs/a", "/runs/a/llm", "llm"),
    ("/", "/models/llm", "models/llm"), ("/runs/a", "/models", "../../models"), ("/a", "/a", "."),
  ])
  func `By the shortest way`(directory: String, target: String, path: String) {
    #expect(RelativePath.from(directory, to: target) == path)
  }

  @Test func `A checkpoint's frozen parts are found after all of it has moved`() throws {
    let temporary = try TemporaryDirectory()
    let files = FileManager.default
    try files.createDirectory(atPath: temporary.path + "/all/base/llm", withIntermediateDirectories: true)
    try files.createDirectory(atPath: temporary.path + "/all/run/checkpoint", withIntermediateDirectories: true)
    let base = temporary.path + "/all/base/llm"
    try Data("weights".utf8).write(to: URL(filePath: base + "/config.json"))
    // Another name for the place: a relative link is followed from where it really lies.
    try files.createSymbolicLink(atPath: temporary.path + "/alias", withDestinationPath: "all/run/checkpoint")
    try CheckpointPublisher.place(base, at: temporary.path + "/alias/llm", .link)
    try files.moveItem(atPath: temporary.path + "/all", toPath: temporary.path + "/moved")
    let found = try String(contentsOfFile: temporary.path + "/moved/run/checkpoint/llm/config.json", encoding: .utf8)
    #expect(found == "weights")
  }
}
