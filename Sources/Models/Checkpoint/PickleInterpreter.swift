// SPDX-License-Identifier: Apache-2.0

/// Interprets the pickle of a PyTorch file, which describes tensors, and nothing else.
///
/// A pickle is a program for a stack machine that may name and call any function. This interpreter knows the opcodes
/// that PyTorch writes for tensors and dictionaries of them, and calls few names, which build values here:
/// `_rebuild_tensor_v2`, `_rebuild_tensor_v3`, `_rebuild_parameter`, `_rebuild_parameter_with_state`, `OrderedDict` and the
/// storage types. Anything else is refused, so that no file can run code.
///
/// - Source: CPython `Lib/pickletools.py` (opcodes); PyTorch `torch/serialization.py` (what it writes).
struct PickleInterpreter {
  private(set) var objects: [[Value]] = []
  private(set) var storages: [Storage] = []
  private(set) var tensors: [Tensor] = []
  private var stack: [Value] = []
  private var memo: [Int: Value] = [:]
  private(set) var cursor: PickleCursor

  /// - Parameters:
  ///   - file: holds the pickle, `count` bytes at `offset`.
  private init(_ file: CheckpointFile, offset: Int, count: Int) {
    cursor = PickleCursor(file: file, position: offset, end: offset + count)
  }

  /// What a pickle describes, and where it ends.
  struct Description {
    let value: Value
    let end: Int
    fileprivate let interpreter: PickleInterpreter

    var storages: [Storage] { interpreter.storages }

    /// What a dictionary or list holds; empty for anything else.
    var elements: [Value] {
      switch value {
      case .dictionary(let index), .list(let index), .tuple(let index): interpreter.objects[index]
      default: []
      }
    }
  }

  static func description(
    in file: CheckpointFile, offset: Int, count: Int
  ) throws(ModelError) -> Description {
    var interpreter = PickleInterpreter(file, offset: offset, count: count)
    let value = try interpreter.run()
    return Description(value: value, end: interpreter.cursor.position, interpreter: interpreter)
  }

  /// The named tensors that the pickle describes: a dictionary's, those of the one dictionary of tensors within it, or one
  /// without a name.
  static func tensors(_ description: Description) throws(ModelError) -> [(name: String, tensor: Tensor)] {
    let interpreter = description.interpreter
    switch description.value {
    case .tensor(let index): return [("", interpreter.tensors[index])]
    case .dictionary(let index):
      let own = interpreter.namedTensors(interpreter.objects[index])
      return own.isEmpty ? try interpreter.wrappedTensors(interpreter.objects[index]) : own
    default: throw interpreter.cursor.malformed("it describes neither a tensor nor a dictionary of tensors")
    }
  }

  /// Those of `{"epoch": 3, "state_dict": {…}}`, when one member alone holds tensors.
  private func wrappedTensors(_ items: [Value]) throws(ModelError) -> [(name: String, tensor: Tensor)] {
    var found: [(member: String, tensors: [(name: String, tensor: Tensor)])] = []
    for index in stride(from: 0, to: items.count - 1, by: 2) {
      guard case .string(let member) = items[index], case .dictionary(let inner) = items[index + 1] else { continue }
      let tensors = namedTensors(objects[inner])
      if !tensors.isEmpty { found.append((member, tensors)) }
    }
    guard found.count < 2 else {
      throw ModelError(
        .unsupported,
        "\(cursor.file.path) holds weights under \(found.map { "\"\($0.member)\"" }.joined(separator: " and ")); save those "
          + "that are to be read alone")
    }
    return found.first?.tensors ?? []
  }

  private func namedTensors(_ items: [Value]) -> [(name: String, tensor: Tensor)] {
    stride(from: 0, to: items.count - 1, by: 2).compactMap { index in
      guard case .string(let name) = items[index], case .tensor(let tensor) = items[index + 1] else { return nil }
      return (name, tensors[tensor])
    }
  }

  private mutating func run() throws(ModelError) -> Value {
    while true {
      let opcode = try cursor.byte()
      if opcode == UInt8(ascii: ".") { return try pop() }
      try execute(opcode)
    }
  }

  // One case per opcode, in the order of the values they make.
  private mutating func execute(_ opcode: UInt8) throws(ModelError) {
    switch opcode {
    case 0x80: _ = try cursor.byte()  // PROTO
    case 0x95: _ = try cursor.unsigned(8)  // FRAME
    case UInt8(ascii: "("): stack.append(.mark)
    case UInt8(ascii: "0"): _ = try pop()  // POP
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88: stack.append(.boolean(true))
    case 0x89: stack.append(.boolean(false))
    case UInt8(ascii: "K"): stack.append(.integer(try cursor.unsigned(1)))
    case UInt8(ascii: "M"): stack.append(.integer(try cursor.unsigned(2)))
    case UInt8(ascii: "J"): stack.append(.integer(try cursor.signed(4)))
    case 0x8a: stack.append(try longInteger())  // LONG1
    case UInt8(ascii: "G"):  // BINFLOAT
      _ = try cursor.skip(8)
      stack.append(.other)
    case UInt8(ascii: "X"): stack.append(.string(try cursor.text(try cursor.unsigned(4))))
    case 0x8c: stack.append(.string(try cursor.text(try cursor.unsigned(1))))
    case UInt8(ascii: ")"): push(tuple: [])
    case 0x85: push(tuple: try pop(count: 1))
    case 0x86: push(tuple: try pop(count: 2))
    case 0x87: push(tuple: try pop(count: 3))
    case UInt8(ascii: "t"): push(tuple: try popToMark())
    case UInt8(ascii: "}"): pushDictionary()
    case UInt8(ascii: "]"): pushList()
    case UInt8(ascii: "s"): try setItems(try pop(count: 2))
    case UInt8(ascii: "u"): try setItems(try popToMark())
    case UInt8(ascii: "a"): try append(try pop(count: 1))
    case UInt8(ascii: "e"): try append(try popToMark())
    case UInt8(ascii: "q"): memo[try cursor.unsigned(1)] = try top()
    case UInt8(ascii: "r"): memo[try cursor.unsigned(4)] = try top()
    case 0x94: memo[memo.count] = try top()  // MEMOIZE
    case UInt8(ascii: "h"): try recall(try cursor.unsigned(1))
    case UInt8(ascii: "j"): try recall(try cursor.unsigned(4))
    case UInt8(ascii: "c"): stack.append(.callable(try callable(try cursor.line(), try cursor.line())))
    case 0x93: try pushStackGlobal()
    case UInt8(ascii: "Q"): try loadPersistent()
    case UInt8(ascii: "R"): try call()
    case UInt8(ascii: "b"): try build()
    default:
      throw cursor.refused("opcode 0x\(String(opcode, radix: 16)), which PyTorch does not write for tensors")
    }
  }
}

extension PickleInterpreter {
  private func top() throws(ModelError) -> Value {
    guard let value = stack.last else { throw cursor.malformed("it reads an empty stack") }
    return value
  }

  private mutating func pop() throws(ModelError) -> Value {
    guard let value = stack.popLast() else { throw cursor.malformed("it reads an empty stack") }
    return value
  }

  private mutating func pop(count: Int) throws(ModelError) -> [Value] {
    guard stack.count >= count else { throw cursor.malformed("it reads an empty stack") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws(ModelError) -> [Value] {
    guard let mark = stack.lastIndex(of: .mark) else { throw cursor.malformed("a mark is missing") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[(mark + 1)...])
  }

  private mutating func push(tuple values: [Value]) {
    stack.append(.tuple(objects.count))
    objects.append(values)
  }

  private mutating func pushDictionary() {
    stack.append(.dictionary(objects.count))
    objects.append([])
  }

  private mutating func pushList() {
    stack.append(.list(objects.count))
    objects.append([])
  }

  private mutating func setItems(_ items: [Value]) throws(ModelError) {
    guard case .dictionary(let index) = try top(), items.count.isMultiple(of: 2) else {
      throw cursor.malformed("it sets items of something that is not a dictionary")
    }
    objects[index] += items
  }

  private mutating func append(_ items: [Value]) throws(ModelError) {
    guard case .list(let index) = try top() else {
      throw cursor.malformed("it appends to something that is not a list")
    }
    objects[index] += items
  }

  private mutating func recall(_ index: Int) throws(ModelError) {
    guard let value = memo[index] else { throw cursor.malformed("it recalls value \(index), which it never kept") }
    stack.append(value)
  }

  private mutating func pushStackGlobal() throws(ModelError) {
    let names = try pop(count: 2)
    guard case .string(let module) = names[0], case .string(let name) = names[1] else {
      throw cursor.malformed("it names a global with something that is not text")
    }
    stack.append(.callable(try callable(module, name)))
  }

  /// The state of a dictionary (PyTorch's `_metadata`) is dropped; nothing else has one.
  private mutating func build() throws(ModelError) {
    _ = try pop()
    guard case .dictionary = try top() else {
      throw cursor.refused("the state of something that is not a dictionary")
    }
  }

  private mutating func call() throws(ModelError) {
    let parts = try pop(count: 2)
    guard case .callable(let callable) = parts[0], case .tuple(let index) = parts[1] else {
      throw cursor.malformed("it calls something that is not a function")
    }
    let arguments = objects[index]
    switch callable {
    case .orderedDictionary where arguments.isEmpty: pushDictionary()
    case .rebuildTensor: try rebuildTensor(arguments, type: nil)
    case .rebuildTypedTensor:
      guard arguments.count >= 7, case .callable(.elementType(let type)) = arguments[6] else {
        throw cursor.malformed("a tensor is described by values of the wrong kind")
      }
      try rebuildTensor(Array(arguments[..<6] + arguments[7...]), type: type)
    case .rebuildParameter, .rebuildParameterWithState:
      // The state of a parameter are attributes that somebody gave it: none of them changes its numbers.
      let count = callable == .rebuildParameter ? 3 : 4
      guard arguments.count == count, case .tensor = arguments[0], isEmpty(arguments[2]) else {
        throw cursor.refused("a parameter with hooks, or one that is no tensor")
      }
      stack.append(arguments[0])
    case .orderedDictionary, .storageType, .elementType:
      throw cursor.refused("a call with arguments that PyTorch does not write")
    }
  }

  /// Of NumPy's arrays, and more than any weight has: each tensor keeps its own.
  private static let mostDimensions = 64

  /// `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks, metadata)`, the last of which may be missing.
  private mutating func rebuildTensor(_ arguments: [Value], type: ElementType?) throws(ModelError) {
    guard (6...7).contains(arguments.count), case .storage(let storage) = arguments[0],
      case .integer(let offset) = arguments[1],
      let shape = integers(arguments[2]), let strides = integers(arguments[3]), shape.count == strides.count,
      shape.count <= Self.mostDimensions
    else { throw cursor.malformed("a tensor is described by values of the wrong kind") }
    guard isEmpty(arguments[5]) else { throw cursor.refused("a tensor with hooks, which change it when it is used") }
    var type = type ?? storages[storage].type
    if arguments.count == 7, let bits = try setBits(arguments[6]) { type = .other(name: bits, size: type.size) }
    stack.append(.tensor(tensors.count))
    tensors.append(Tensor(storage: storages[storage], offset: offset, shape: shape, strides: strides, type: type))
  }

  /// What a tensor's metadata says of its numbers, such as that they are the storage's with the other sign, to be named by who
  /// asks for the tensor; nil when it says nothing.
  private func setBits(_ metadata: Value) throws(ModelError) -> String? {
    if isEmpty(metadata) { return nil }
    guard case .dictionary(let index) = metadata else {
      throw cursor.refused("a tensor with metadata of an unknown kind")
    }
    var bits: [String] = []
    for place in stride(from: 0, to: objects[index].count - 1, by: 2) {
      guard case .string(let key) = objects[index][place] else { throw cursor.refused("metadata without a name") }
      if objects[index][place + 1] != .boolean(false) { bits.append(key) }
    }
    guard !bits.isEmpty else { return nil }
    let remedies = bits.map { ["neg": "resolve_neg()", "conj": "resolve_conj()"][$0] ?? "clone()" }
    return "a tensor with the \(bits.joined(separator: " and ")) bit (save tensor.\(remedies.joined(separator: ".")))"
  }

  /// None, or a container without elements.
  private func isEmpty(_ value: Value) -> Bool {
    switch value {
    case .none: true
    case .dictionary(let index), .list(let index), .tuple(let index): objects[index].isEmpty
    default: false
    }
  }

  /// Beyond 64 bits an integer is none that tensors need: a magic number.
  private mutating func longInteger() throws(ModelError) -> Value {
    let size = try cursor.unsigned(1)
    guard size > 8 else { return .integer(try cursor.signed(size)) }
    _ = try cursor.skip(size)
    return .other
  }

  /// A storage's tuple: ("storage", type, key, device, elements), and in older files the storage that it is a part of.
  private mutating func loadPersistent() throws(ModelError) {
    guard case .tuple(let index) = try pop(), (5...6).contains(objects[index].count),
      objects[index][0] == .string("storage"), objects[index].count == 5 || objects[index][5] == Value.none,
      case .callable(.storageType(let type)) = objects[index][1], case .string(let key) = objects[index][2],
      case .integer(let count) = objects[index][4]
    else { throw cursor.malformed("a storage is described by values of the wrong kind") }
    stack.append(.storage(storages.count))
    storages.append(Storage(type: type, key: key, count: count))
  }

  private func integers(_ value: Value) -> [Int]? {
    guard case .tuple(let index) = value else { return nil }
    var result: [Int] = []
    for element in objects[index] {
      guard case .integer(let integer) = element else { return nil }
      result.append(integer)
    }
    return result
  }
}
