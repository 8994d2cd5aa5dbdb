// SPDX-License-Identifier: Apache-2.0

import ModelServing
import ServiceSupport

/// What the service is told beside its model and its limits, as people write it.
struct LLMSettings: SettingGroup {
  @Setting(
    "llm-weights",
    "Directory of the frozen LLM's config.json and weights, or its GGUF file, when they do not lie in the checkpoint's llm/",
    placeholder: "path")
  var llmWeights: String?
  @Setting(
    "retrieval",
    "The retrieval service that is asked whether a version needs a training before that is unloaded; nobody is asked when it is left "
      + "out",
    placeholder: "target")
  var retrieval: String?
  @Setting(
    "space-weights",
    "What each space counts, separated by commas, in the order of the spaces; by default as each checkpoint says, else all the same",
    placeholder: "list")
  var spaceWeights: String?
  @Setting(
    "max-history-items",
    "Newest items of a history that are read; by default as many as each checkpoint was trained with, 10 where it does not say",
    unit: "items", allowed: .range(ModelSettings.historyItems))
  var maxHistoryItems: Int?
  @Setting(
    "max-prompt-tokens", "Longest prompt, [REC] included; the LLM's context", unit: "tokens",
    allowed: .range(16...131_072))
  var maxPromptTokens = 4096
  @Setting(
    "max-item-list-tokens", "A history's list of items is kept below this by leaving out the oldest", unit: "tokens",
    allowed: .range(1...131_072))
  var maxItemListTokens = 3850
  @Setting(
    "prefix-cache-bytes",
    "Memory for keys and values of prompts' beginnings, so that a user whose history grew pays for what is new; 0 for none",
    unit: "bytes", allowed: .range(0...(1 << 46)))
  var prefixCacheBytes = 1 << 30
  @Setting(
    "prefix-cache-precision",
    "How they are kept, and what all keys and values are rounded to, kept or not. f32: as they were computed. bf16: in half the "
      + "memory; results move by up to 1e-2 of their length. auto: f32 when the precision is f32, else bf16",
    placeholder: "type", allowed: .oneOf(["auto", "f32", "bf16"]))
  var prefixCachePrecision = "auto"
}
