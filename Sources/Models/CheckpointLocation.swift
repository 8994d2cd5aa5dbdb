/// Where the files of a checkpoint lie.
///
/// The layout is the one the published code writes: `llm/` (tokenizer, and the frozen LLM's configuration and weights
/// unless they have a directory of their own), `llm_parameter/token_embed.pth`, `vision_tower/`, `rec_module/`.
package struct CheckpointLocation: Sendable {
  /// The checkpoint's directory.
  package let bundle: String
  /// The frozen LLM's directory when it is not `llm/` of the bundle.
  package let llmWeights: String?

  package init(bundle: String, llmWeights: String? = nil) {
    self.bundle = bundle
    self.llmWeights = llmWeights
  }

  var llm: String { llmWeights ?? bundle + "/llm" }
  var tokenizer: String { bundle + "/llm" }
  var tokenEmbeddings: String { bundle + "/llm_parameter/token_embed.pth" }
  var visionTower: String { bundle + "/vision_tower" }
  var recModule: String { bundle + "/rec_module" }
}
