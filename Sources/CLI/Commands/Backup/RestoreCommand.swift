// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Backups
import Foundation

struct RestoreCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Puts back what illmrec backup copied.",
    discussion: """
      For services that do not run: nothing is written over, so that the item store must not exist, and the data directory must not or must be \
      empty. Every digest is checked before anything is written. Afterwards all that was asked for is in its place, or nothing.

      What root restores belongs to the owner of the directory that it is put into, which is the service's user.

      Try it:
        illmrec restore backups/monday --store state/items.sqlite --data state/index

      Exit codes: 0 restored; 1 failed; 64 wrong usage; 130 interrupted; 143 ended by SIGTERM.
      """)

  @Argument(help: ArgumentHelp("Folder that illmrec backup made.", valueName: "folder"), transform: NonEmpty.text)
  var folder: String
  @Option(help: ArgumentHelp("The item store to make.", valueName: "file"), transform: NonEmpty.text)
  var store: String?
  @Option(help: ArgumentHelp("The data directory to make.", valueName: "directory"), transform: NonEmpty.text)
  var data: String?

  func validate() throws {
    guard store != nil || data != nil else { throw ValidationError("Name --store, --data or both.") }
  }

  func perform() async throws {
    let (folder, store, data) = (folder, store, data)
    let manifest = try await Interruption.cancellingThread(named: "restore") { interruption in
      let progress = ByteProgress("Restoring", interruption)
      defer { progress.finish() }
      let restore = try Restore(folder, store: store, data: data) { try progress.add($0) }
      progress.begin(restore.expectedBytes)
      try restore.run()
      return restore.manifest
    }
    let output = Terminal.standardOutput
    for path in [store, data].compactMap(\.self) { output.writeLine("\(path): restored.") }
    let notes = RestoreNotes(
      manifest, hasStore: store != nil, hasData: data != nil, nowMicros: Int64(Date().timeIntervalSince1970 * 1e6))
    for line in notes.lines { output.writeLine(line) }
  }
}
