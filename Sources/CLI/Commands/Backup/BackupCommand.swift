// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Backups
import Foundation
import ServiceSupport

struct BackupCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Copies the item store and the index into a folder, while the services run.",
    discussion: """
      Run it where the files lie, as a user who may read them. Of the item store and of each index it copies one state that there was; what \
      is stored or changed meanwhile may be missing. Every file is checked against the digest that it was published with, and the folder \
      holds the SHA-256 of each (backup.json). It appears under its name once it is whole.

      The folder can be read by nobody else, and must stay so: it holds the key by which answers' outcome tokens are known \
      (index/outcome-key) and all of the catalog. Not in it are checkpoints, what --trainings-state remembers, certificates, uploads under \
      way, and vectors that a Milvus cluster keeps.

      Try it:
        illmrec backup --store state/items.sqlite --data state/index --out backups/monday
        illmrec restore backups/monday --store new/items.sqlite --data new/index

      Exit codes: 0 copied; 1 failed; 64 wrong usage; 130 interrupted; 143 ended by SIGTERM.
      """)

  @Option(help: ArgumentHelp("The encoder's item store (its --store).", valueName: "file"), transform: NonEmpty.text)
  var store: String?
  @Option(
    help: ArgumentHelp("The retrieval service's data directory (its --data).", valueName: "directory"),
    transform: NonEmpty.text)
  var data: String?
  @Option(help: ArgumentHelp("Folder to make.", valueName: "folder"), transform: NonEmpty.text)
  var out: String
  @Flag(help: "Print what the folder holds as JSON.")
  var json = false

  func validate() throws {
    guard store != nil || data != nil else { throw ValidationError("Name --store, --data or both.") }
  }

  func perform() async throws {
    let (store, data, out) = (store, data, out)
    let manifest = try await Interruption.cancellingThread(named: "backup") { interruption in
      let progress = ByteProgress("Copying", interruption)
      defer { progress.finish() }
      let backup = Backup(store: store, data: data, out: out, softwareVersion: Product.version) { try progress.add($0) }
      progress.begin(try backup.expectedBytes())
      return try backup.run()
    }
    if json {
      Terminal.standardOutput.writeLine(try JSONOutput.text(manifest))
    } else {
      show(manifest)
    }
  }

  private func show(_ manifest: BackupManifest) {
    let output = Terminal.standardOutput
    output.writeLine(
      "\(out): \(manifest.files.count.counted("file")), \(ByteProgress.text(manifest.bytes)), every one checked.")
    if let catalog = manifest.catalog {
      output.writeLine("Item store: \(catalog.snapshots.count.counted("snapshot")) and the draft.")
    }
    for index in manifest.indexes ?? [] {
      let stable = index.stable.map { ", version \($0) answers" } ?? ""
      output.writeLine("Index \(index.name): \(index.versions.count.counted("version"))\(stable).")
      for version in index.versions {
        guard let collection = version.collection else { continue }
        output.writeLine(
          "  The vectors of version \(version.number) are in the Milvus collection \(collection), and not in the backup."
        )
      }
    }
  }
}
