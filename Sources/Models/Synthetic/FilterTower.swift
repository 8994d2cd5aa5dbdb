// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A vision tower that sees without having been trained: the mean colour of sixteen regions of an image, and how strong edges and
/// changes of colour are in each.
///
/// It is a SigLIP of one layer whose weights are written down. A patch's embedding is what twelve filters answer; the position marks
/// the patch's region; the layer's feed-forward turns edges into their strengths, whichever way they run; and each head of the pooling
/// attends to one region.
struct FilterTower {
  /// What is seen of a patch by one filter, centred and scaled so that it differs by about 1 from image to image.
  private struct Filter {
    /// Cosines of this many half waves across the patch.
    var waves: (down: Int, across: Int) = (0, 0)
    /// Of red, green and blue.
    let colour: [Float]
    let centre: Float
    let gain: Float

    var isMean: Bool { waves == (0, 0) }
  }

  private static let filters: [Filter] =
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]].map { Filter(colour: $0, centre: 0.7, gain: 6) }
    + [
      Filter(waves: (0, 1), colour: grey, centre: 0.07, gain: 18),
      Filter(waves: (1, 0), colour: grey, centre: 0.07, gain: 18),
      Filter(waves: (1, 1), colour: grey, centre: 0.02, gain: 45),
      Filter(waves: (0, 2), colour: grey, centre: 0.04, gain: 28),
      Filter(waves: (2, 0), colour: grey, centre: 0.04, gain: 28),
    ]
    + [redToGreen, yellowToBlue].flatMap { colour in
      [(0, 1), (1, 0)].map { Filter(waves: $0, colour: colour, centre: 0.013, gain: 60) }
    }
  private static let grey: [Float] = [1.0 / 3, 1.0 / 3, 1.0 / 3]
  private static let redToGreen: [Float] = [0.5, -0.5, 0]
  private static let yellowToBlue: [Float] = [0.25, 0.25, -0.5]
  private static let regionsAcross = 4
  /// The heads of the pooling.
  static let regions = regionsAcross * regionsAcross
  private static let magnitudes = filters.count { !$0.isMean }
  /// What a filter's answer is multiplied with before the feed-forward's activation, to be well beyond its bend.
  private static let steepness: Float = 20

  /// Of an embedding: what the filters see, region by region.
  static let width = regions * filters.count

  // Where a token keeps what: the filters' answers, the mark of its region, the strengths.
  private static let marks = filters.count
  private static let strengths = marks + regions
  /// A token of marks alone keeps its values through the layer norms.
  private static let mark = Float(width) / Float(width - 1).squareRoot()

  private let patchesAcross: Int
  private let patchSize: Int
  private let feedForward: Int
  private(set) var tensors: [SafetensorsWriter.Tensor] = []

  /// - Parameter shape: of an image of whole patches, as many of them in each region.
  init(_ shape: SyntheticCheckpoint.Shape) {
    precondition(shape.visionWidth == Self.width && shape.visionHeads == Self.regions && shape.visionLayers == 1)
    precondition(shape.visionFeedForward >= 2 * Self.magnitudes)
    (patchesAcross, patchSize) = (shape.imageSize / shape.patchSize, shape.patchSize)
    precondition(patchesAcross % Self.regionsAcross == 0)
    feedForward = shape.visionFeedForward
    addEmbeddings()
    addLayer()
    addHead()
  }

  // MARK: - Parts

  private mutating func addEmbeddings() {
    let name = "vision_model.embeddings"
    var filters: [Float] = []
    for filter in Self.filters { filters += Self.weights(of: filter, patch: patchSize) }
    let patch = 3 * patchSize * patchSize
    add(
      "\(name).patch_embedding.weight", [Self.width, 3, patchSize, patchSize],
      filters + .zeros(Self.width * patch - filters.count))
    add("\(name).patch_embedding.bias", [Self.width])
    let places = 0..<patchesAcross * patchesAcross
    add(
      "\(name).position_embedding.weight", [places.count, Self.width],
      places.flatMap { Self.row(Self.marks + region(of: $0), Self.mark) })
  }

  /// Of each channel, row and column; for the images' values of -1 to 1.
  private static func weights(of filter: Filter, patch: Int) -> [Float] {
    func wave(_ count: Int, _ place: Int) -> Float {
      Float(cos(.pi * Double(count) * (Double(place) + 0.5) / Double(patch)))
    }
    let scale = (filter.isMean ? 1 : 2) / Float(patch * patch)
    return filter.colour.flatMap { colour in
      (0..<patch).flatMap { row in
        (0..<patch).map { scale * colour * wave(filter.waves.down, row) * wave(filter.waves.across, $0) }
      }
    }
  }

  private func region(of place: Int) -> Int {
    let side = patchesAcross / Self.regionsAcross
    return place / patchesAcross / side * Self.regionsAcross + place % patchesAcross / side
  }

  /// Attention adds nothing; the feed-forward adds strengths: gelu(s x) + gelu(-s x) is close to s |x|.
  private mutating func addLayer() {
    let name = "vision_model.encoder.layers.0"
    addNorm("\(name).layer_norm1")
    for part in ["q_proj", "k_proj", "v_proj", "out_proj"] {
      addLinear("\(name).self_attn.\(part)", Self.width, Self.width)
    }
    addNorm("\(name).layer_norm2")
    let first = Self.filters.count - Self.magnitudes
    var (up, down) = (zeros(feedForward), [[Float]](repeating: .zeros(feedForward), count: Self.width))
    for strength in 0..<Self.magnitudes {
      for (sign, side) in [(Float(1), 0), (-1, 1)] {
        up[2 * strength + side][first + strength] = sign * Self.steepness
        down[Self.strengths + strength][2 * strength + side] = 1 / Self.steepness
      }
    }
    addLinear("\(name).mlp.fc1", feedForward, Self.width, up)
    addLinear("\(name).mlp.fc2", Self.width, feedForward, down)
    addNorm("vision_model.post_layernorm")
  }

  /// Each head's probe asks for the mark of its region, and takes what was seen there.
  private mutating func addHead() {
    let name = "vision_model.head"
    let headWidth = Self.filters.count
    let (queries, keys) = (Self.width, 2 * Self.width)
    var (weight, bias) = (zeros(3 * Self.width), [Float].zeros(3 * Self.width))
    for region in 0..<Self.regions {
      let begin = region * headWidth
      bias[begin] = 2 * Float(headWidth).squareRoot()
      weight[queries + begin][Self.marks + region] = 1
      for (index, filter) in Self.filters.enumerated() {
        let seen = filter.isMean ? index : Self.strengths + index - (headWidth - Self.magnitudes)
        weight[keys + begin + index][seen] = filter.gain
        bias[keys + begin + index] = -filter.gain * filter.centre
      }
    }
    add("\(name).probe", [1, 1, Self.width])
    add("\(name).attention.in_proj_weight", [3 * Self.width, Self.width], weight.flatMap(\.self))
    add("\(name).attention.in_proj_bias", [3 * Self.width], bias)
    let identity = (0..<Self.width).map { Self.row($0, 1) }
    addLinear("\(name).attention.out_proj", Self.width, Self.width, identity)
    addNorm("\(name).layernorm")
    addLinear("\(name).mlp.fc1", feedForward, Self.width)
    addLinear("\(name).mlp.fc2", Self.width, feedForward)
  }

  // MARK: - Tensors

  /// - Parameter values: zeros when nil.
  private mutating func add(_ name: String, _ shape: [Int], _ values: [Float]? = nil) {
    tensors.append(.init(name, shape: shape, values: values ?? .zeros(shape.reduce(1, *))))
  }

  private mutating func addNorm(_ name: String) {
    add("\(name).weight", [Self.width], Array(repeating: 1, count: Self.width))
    add("\(name).bias", [Self.width])
  }

  private mutating func addLinear(_ name: String, _ outputs: Int, _ inputs: Int, _ rows: [[Float]]? = nil) {
    add("\(name).weight", [outputs, inputs], rows?.flatMap(\.self))
    add("\(name).bias", [outputs])
  }

  private func zeros(_ rows: Int) -> [[Float]] { Array(repeating: .zeros(Self.width), count: rows) }

  private static func row(_ place: Int, _ value: Float) -> [Float] {
    var row = [Float].zeros(width)
    row[place] = value
    return row
  }
}

extension [Float] {
  fileprivate static func zeros(_ count: Int) -> [Float] { Array(repeating: 0, count: count) }
}
