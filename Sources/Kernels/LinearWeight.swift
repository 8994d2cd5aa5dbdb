/// The matrix of a linear layer, in the form that products read it in.
package final class LinearWeight: Sendable {
  /// O.
  package let outputs: Int
  /// I.
  package let inputs: Int
  package let precision: Precision
  let tensor: WeightTensor  // [O, I]

  /// The matrix as it is: [O, I], or [O, …] whose other dimensions together are I. Shares the tensor's memory.
  package init(_ tensor: WeightTensor) {
    outputs = tensor.shape[0]
    inputs = tensor.shape.dropFirst().reduce(1, *)
    precision = .float32
    self.tensor = tensor
  }
}
