// SPDX-License-Identifier: Apache-2.0

import Basics
import Foundation
import Kernels
package import Models

/// Writes what a run trained as a checkpoint in the published layout, beside the frozen parts of the one it started from.
package struct CheckpointPublisher: Sendable {
  /// How the frozen parts come into a checkpoint.
  package enum Placement: String, Sendable, CaseIterable {
    /// Symbolic links to where they lie, relative to the checkpoint: a directory that holds both may be moved.
    case link
    case copy
  }

  private let start: CheckpointLocation
  private let target: String
  private let placement: Placement
  private let notes: TrainingNotes
  private let features: [Space: String]

  /// - Parameters:
  ///   - start: what training started from.
  ///   - target: the checkpoint's directory, which is replaced at every writing.
  ///   - notes: what the checkpoint says of how it was trained.
  ///   - features: digests of the features that it was trained with.
  package init(
    start: CheckpointLocation, target: String, placement: Placement = .link, notes: TrainingNotes = TrainingNotes(),
    features: [Space: String] = [:]
  ) {
    self.start = start
    self.target = target
    self.placement = placement
    self.notes = notes
    self.features = features
  }

  /// Replaces the checkpoint. The old one stays in its place until the new one is whole.
  ///
  /// - Parameter keepingOthers: whether tensors that were not trained, such as other spaces', stay as they were.
  package func publish(_ parameters: [Parameter], keepingOthers: Bool = true) throws {
    let partial = target + ".partial"
    remove(partial)
    let checkpoint = CheckpointLocation(directory: partial)
    try RunDirectory.create(checkpoint.recModule)
    try write(parameters, keepingOthers, to: checkpoint)
    try placeFrozenParts(in: checkpoint)
    try replace(target, with: partial)
  }

  private func write(_ parameters: [Parameter], _ keepingOthers: Bool, to checkpoint: CheckpointLocation) throws {
    let tokens = parameters.first { $0.name == "token_embed" }
    let adapter = AdapterWriter.parameters(of: parameters)
    try AdapterWriter.write(adapter, to: checkpoint.directory)
    let elsewhere = Set(adapter.map(\.name)).union(["token_embed"])
    var tensors = parameters.filter { !elsewhere.contains($0.name) }.map {
      SafetensorsWriter.Tensor($0.name, shape: $0.shape, values: Array($0.values))
    }
    if keepingOthers {
      let trained = Set(tensors.map(\.name))
      let team = ComputeTeam(threads: 1)
      for tensor in try WeightFiles(directory: start.recModule).tensors.values where !trained.contains(tensor.name) {
        let values = tensor.load(shape: tensor.shape, on: team).values
        tensors.append(SafetensorsWriter.Tensor(tensor.name, shape: tensor.shape, values: values))
      }
    }
    tensors.sort { $0.name < $1.name }
    try SafetensorsWriter.write(tensors, to: checkpoint.recModule + "/model.safetensors")
    try writeConfiguration(tensors, to: checkpoint.recModule + "/config.json")
    guard let tokens else { return }
    try RunDirectory.create(partialDirectory(of: checkpoint.tokenEmbeddings))
    try TorchTensorFile.write(tokens.values, shape: tokens.shape, to: checkpoint.tokenEmbeddings)
  }

  /// As the published code writes it, with the sizes of the tensors; and with the training's notes.
  private func writeConfiguration(_ tensors: [SafetensorsWriter.Tensor], to path: String) throws(TrainingError) {
    let llmDim = tensors.first { $0.name == "rec_token" }?.shape.last ?? 0
    let spaceDim = tensors.first { $0.name.hasSuffix(".mlp.3.bias") }?.shape.first ?? 0
    let file = try DurableFile(path)
    let text =
      "{\"model_type\": \"projector\", \"visual_encoder\": \"siglip\", \"llm_dim\": \(llmDim), \"proj_dim\": \(spaceDim)\(FeatureDigests.member(features))\(notes.members)}\n"
    try file.write(Array(text.utf8))
    try file.commit()
  }

  private func placeFrozenParts(in checkpoint: CheckpointLocation) throws(TrainingError) {
    let parts = [
      (start.tokenizer, checkpoint.tokenizer), (start.visionTower, checkpoint.visionTower),
      (start.directory + "/config.json", checkpoint.directory + "/config.json"),
      (partialDirectory(of: start.tokenEmbeddings), partialDirectory(of: checkpoint.tokenEmbeddings)),
    ]
    for (source, place) in parts
    where CheckpointLocation.exists(source) && !CheckpointLocation.exists(place) {
      // Configurations are small, and a checkpoint's own.
      try Self.place(source, at: place, source.hasSuffix("config.json") ? .copy : placement)
    }
    try placeAdapter(in: checkpoint)
    guard !CheckpointLocation.exists(checkpoint.directory + "/config.json") else { return }
    let file = try DurableFile(checkpoint.directory + "/config.json")
    try file.write(Array("{\"architectures\": [\"ILLMRecLlamaModel\"], \"model_type\": \"illmrec_llama\"}\n".utf8))
    try file.commit()
  }

  /// Without it the frozen LLM would be another one than was trained over.
  private func placeAdapter(in checkpoint: CheckpointLocation) throws(TrainingError) {
    let files: [String]
    do {
      files = try start.looseAdapterFiles()
    } catch {
      throw TrainingError(.malformed, "the adapter of \(start.directory) cannot be taken along", cause: error)
    }
    for source in files {
      let place = checkpoint.directory + source.dropFirst(start.directory.count)
      guard !CheckpointLocation.exists(place) else { continue }
      let directory = URL(filePath: place).deletingLastPathComponent()
      // Of an adapter with a name; a failure shows in what is placed there.
      try? FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      try Self.place(source, at: place, placement)
    }
  }

  private func partialDirectory(of path: String) -> String { URL(filePath: path).deletingLastPathComponent().path }

  /// Without links: where the kernel follows a relative link from.
  private static func directoryOf(_ path: String) -> String {
    URL(filePath: path).deletingLastPathComponent().resolvingSymlinksInPath().path
  }

  /// Links or copies a file or directory. A link to a link becomes one to what that names.
  static func place(_ source: String, at place: String, _ placement: Placement) throws(TrainingError) {
    let original = URL(filePath: source).resolvingSymlinksInPath().path
    do {
      switch placement {
      case .link:
        try FileManager.default.createSymbolicLink(
          atPath: place, withDestinationPath: RelativePath.from(directoryOf(place), to: original))
      case .copy: try FileManager.default.copyItem(atPath: original, toPath: place)
      }
    } catch {
      throw TrainingError(
        .unwritable, "\(source) cannot be placed at \(place); check rights and the space left", cause: error)
    }
  }

  /// Directories cannot replace each other in one step everywhere: for a moment the old one is aside, under `.former`.
  private func replace(_ target: String, with partial: String) throws(TrainingError) {
    let former = target + ".former"
    remove(former)
    do {
      if CheckpointLocation.exists(target) {
        try FileManager.default.moveItem(atPath: target, toPath: former)
      }
      try FileManager.default.moveItem(atPath: partial, toPath: target)
    } catch {
      throw TrainingError(.unwritable, "\(target) cannot be replaced by \(partial)", cause: error)
    }
    // So that the new name survives a power cut too.
    try? DirectoryEntries.sync(DirectoryEntries.parent(of: target))
    remove(former)
  }

  private func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }
}
