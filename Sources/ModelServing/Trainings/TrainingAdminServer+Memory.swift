// SPDX-License-Identifier: Apache-2.0

import Basics
import Glibc
import Logging
import Models
import ServiceAPI
import ServiceSupport
import SwiftProtobuf

extension TrainingAdminServer {
  /// Loads what callers had loaded before the service ended, and makes their default the default again. What cannot be loaded
  /// any more is left out with a warning.
  ///
  /// A default that callers set in place of another first `--checkpoint` than today's is not set again: whoever starts the
  /// service with a new one means it.
  package func restore() async {
    await loader.run { [self] in
      guard let record = memory?.current, let directory = configuration.directory else { return }
      for entry in record.trainings where registry.standing(of: entry.spaceFingerprint) == nil {
        restore(entry, from: directory)
      }
      if let standard = record.standard { restoreDefault(standard, insteadOf: record.first) }
    }
  }

  private func restore(_ entry: TrainingRecord.Entry, from directory: TrainingsDirectory) {
    do throws(ServiceFailure) {
      let request = Training_LoadTrainingRequest.with {
        $0.name = entry.name
        $0.version = entry.version
        $0.expectedSpaceFingerprint = entry.spaceFingerprint
      }
      _ = try load(try directory.entry(entry.directory, field: "directory"), of: directory, request)
    } catch {
      logger.warning(
        "a training that had been loaded by a call is not loaded again",
        metadata: [
          "directory": "\(entry.directory)", "model": "\(entry.name) \(entry.version)",
          "space": "\(entry.spaceFingerprint.prefix(12))", "error": "\(error)",
        ])
    }
  }

  private func restoreDefault(_ standard: String, insteadOf first: String) {
    guard first == firstSpace else {
      return logger.notice(
        "the default is the first checkpoint, which is another than when a call made a training the default",
        metadata: ["space": "\(standard.prefix(12))"])
    }
    guard let standing = registry.standing(of: standard) else {
      return logger.warning(
        "the training that a call had made the default is not loaded; the first checkpoint is the default",
        metadata: ["space": "\(standard.prefix(12))"])
    }
    registry.makeDefault(standing.training)
  }

  /// Writes down what the next start is to load. On the loading thread, so that the last change is the last written.
  func remember() throws(ServiceFailure) {
    guard let memory else { return }
    let standings = registry.standings.filter { !$0.isUnloading }
    let standard = standings.first(where: \.isDefault)?.training.identity.spaceFingerprint
    let called = standings.map(\.training).filter(\.isOfCall).sorted { $0.loadTime < $1.loadTime }
    do {
      try memory.write(
        TrainingRecord(
          first: firstSpace, standard: standard == firstSpace ? nil : standard,
          trainings: called.map(TrainingRecord.Entry.init)))
    } catch {
      logger.error(
        "what is loaded could not be written down", metadata: ["file": "\(memory.path)", "error": "\(error)"])
      let isFull = [ENOSPC, EDQUOT].contains((error as? SystemCallError)?.errno)
      throw ServiceFailure(
        isFull ? .storageFull : .storageFailed,
        "it is done, but could not be written to \(memory.path), so that the next start knows nothing of it (\(error)); mend "
          + "that and send the request again")
    }
  }
}
