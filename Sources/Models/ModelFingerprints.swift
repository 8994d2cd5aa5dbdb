/// What a model's answers depend on, as SHA-256 digests in hexadecimal.
package struct ModelFingerprints: Sendable, Equatable {
  /// Over every file this model computes with, names and contents, and the precision. Equal fingerprints give equal answers.
  package let model: String
  /// Over the trained part (`rec_module`) and the spaces in use. User and item vectors may meet only when theirs are
  /// equal, whichever service made them.
  package let space: String
  /// Over the vision tower and its preprocessing: image embeddings outlive adaptors while it stays. The same whatever the
  /// precision: embeddings of a tower that differ by rounding may stand side by side. Nil for user models.
  package let tower: String?
}
