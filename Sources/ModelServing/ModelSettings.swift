// SPDX-License-Identifier: Apache-2.0

import ServiceSupport

/// What a service that holds a model is told about it, as people write it; ``ModelConfiguration`` says what it means.
package struct ModelSettings: SettingGroup {
  @Setting(
    "checkpoint",
    "Directory of the checkpoint: rec_module/, beside it vision_tower/ for the encoder, llm/ and llm_parameter/ for the "
      + "LLM service. Given again, another training over the same frozen parts; the first answers requests that name none",
    placeholder: "dir")
  var checkpoints: SettingList
  @Setting(
    "trainings",
    "Directory whose checkpoints LoadTraining may load; none without it. Whoever reaches the port may have them loaded",
    placeholder: "dir")
  var trainings: String?
  @Setting(
    "trainings-state",
    "File that remembers what LoadTraining loaded, so that the next start loads it again; without it a start serves the "
      + "checkpoints of --checkpoint alone. One for each service",
    placeholder: "file")
  var trainingsState: String?
  @Setting(
    "max-trainings", "Most trainings held at a time, those included that wait for their last request",
    unit: "trainings", allowed: .range(1...64))
  var maxTrainings = 8
  @Setting(
    "spaces",
    "Spaces of item and user vectors, separated by commas: image, cf, text; the same in both services and in the index",
    placeholder: "list")
  var spaces = "image"
  @Setting(
    "model-name",
    "Name of the checkpoint in every answer, given as often as --checkpoint; by default its training's, else its "
      + "directory's",
    placeholder: "name")
  var names: SettingList?
  @Setting(
    "model-version",
    "Version of the checkpoint in every answer, given as often as --checkpoint; by default when its training began, "
      + "else 1",
    placeholder: "version")
  var versions: SettingList?
  @Setting("threads", "Threads that compute; 0 for one per CPU", unit: "threads", allowed: .range(0...1024))
  var threads = 0
  @Setting(
    "precision",
    "What weight matrices are stored and multiplied in. f32: as the checkpoint says, 4 bytes a weight. bf16: 2 bytes and "
      + "up to twice the speed on small batches; answers differ by less than 3 percent. int8: 1 byte and about 4 times the "
      + "speed; check what it does to your rankings, and encode the catalog in it too. auto: bf16 on a CPU with AVX-512, else f32",
    placeholder: "type", allowed: .oneOf(["auto", "f32", "bf16", "int8"]))
  var precision = "auto"
  @Setting(
    "compute-path",
    "Instructions that multiply bf16 and int8; auto tries each for a millisecond and takes the fastest",
    placeholder: "path", allowed: .oneOf(["auto", "portable", "avx2", "avx-vnni", "avx512", "avx512-bf16"]))
  var computePath = "auto"
  @Setting(
    "packed-cache",
    "Directory that keeps packed matrices, as large as the model in memory, for a quick next start; \"off\" for none. By "
      + "default illmrec/packed in CACHE_DIRECTORY, XDG_CACHE_HOME or ~/.cache",
    placeholder: "dir")
  var packedCache = "auto"
  /// Of LLMService's `--max-history-items`.
  package static let historyItems = 1...1000

  package init() {}
}
