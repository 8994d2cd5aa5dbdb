// SPDX-License-Identifier: Apache-2.0

extension PickleInterpreter {
  /// A value on the stack. Containers live in `objects`, so that no file can nest values until the stack overflows.
  enum Value: Equatable {
    case mark
    case none
    case boolean(Bool)
    case integer(Int)
    case string(String)
    case callable(Callable)
    /// Index into `objects`.
    case tuple(Int)
    /// Index into `objects`, which holds keys and values in turn.
    case dictionary(Int)
    case list(Int)
    /// Index into `storages`.
    case storage(Int)
    /// Index into `tensors`.
    case tensor(Int)
    /// Something that models do not need, such as a float.
    case other
  }

  enum Callable: Equatable {
    case rebuildTensor
    /// With the type of the elements as an argument of its own: torch.save of types that have no storage class.
    case rebuildTypedTensor
    case rebuildParameter
    case rebuildParameterWithState
    case elementType(ElementType)
    case orderedDictionary
    case storageType(ElementType)
  }

  /// A flat array of elements in an archive entry of its own.
  struct Storage: Equatable {
    let type: ElementType
    /// Name of the entry under `data/`.
    let key: String
    /// Elements.
    let count: Int
  }

  /// A view of a storage.
  struct Tensor: Equatable {
    let storage: Storage
    /// Elements before the first.
    let offset: Int
    let shape: [Int]
    let strides: [Int]
    /// Of the elements: the storage's, unless the tensor says another.
    let type: ElementType
  }
}

extension PickleInterpreter {
  /// The builder that `module.name` stands for.
  func callable(_ module: String, _ name: String) throws(ModelError) -> Callable {
    switch (module, name) {
    case ("torch._utils", "_rebuild_tensor_v2"): return .rebuildTensor
    case ("torch._utils", "_rebuild_tensor_v3"): return .rebuildTypedTensor
    case ("torch._utils", "_rebuild_parameter"): return .rebuildParameter
    case ("torch._utils", "_rebuild_parameter_with_state"): return .rebuildParameterWithState
    case ("collections", "OrderedDict"): return .orderedDictionary
    case ("torch", "FloatStorage"): return .storageType(.float32)
    case ("torch", "HalfStorage"): return .storageType(.float16)
    case ("torch", "BFloat16Storage"): return .storageType(.bfloat16)
    case ("torch", "DoubleStorage"): return .storageType(.float64)
    case ("torch", "LongStorage"): return .storageType(.other(name: "I64", size: 8))
    case ("torch", "IntStorage"): return .storageType(.other(name: "I32", size: 4))
    case ("torch", "ShortStorage"): return .storageType(.other(name: "I16", size: 2))
    case ("torch", "CharStorage"): return .storageType(.other(name: "I8", size: 1))
    case ("torch", "ByteStorage"): return .storageType(.other(name: "U8", size: 1))
    case ("torch", "BoolStorage"): return .storageType(.other(name: "BOOL", size: 1))
    case ("torch", "ComplexFloatStorage"): return .storageType(.other(name: "C64", size: 8))
    case ("torch", "ComplexDoubleStorage"): return .storageType(.other(name: "C128", size: 16))
    case ("torch.storage", "UntypedStorage"), ("torch", "UntypedStorage"): return .storageType(.bytes)
    case ("torch", let type) where ElementType.torchTypes[type] != nil:
      return .elementType(ElementType.torchTypes[type] ?? .bytes)
    default: throw cursor.refused("\(module).\(name), which does not build tensors")
    }
  }
}

extension ElementType {
  /// A storage of which only its tensors know what its bytes are.
  static let bytes = ElementType.other(name: "bytes", size: 1)

  /// By the names that torch gives them.
  static let torchTypes: [String: ElementType] = [
    "float32": .float32, "float16": .float16, "bfloat16": .bfloat16, "float64": .float64,
    "float8_e4m3fn": .other(name: "F8_E4M3", size: 1), "float8_e5m2": .other(name: "F8_E5M2", size: 1),
    "float8_e4m3fnuz": .other(name: "F8_E4M3FNUZ", size: 1), "float8_e5m2fnuz": .other(name: "F8_E5M2FNUZ", size: 1),
    "float8_e8m0fnu": .other(name: "F8_E8M0", size: 1), "uint16": .other(name: "U16", size: 2),
    "uint32": .other(name: "U32", size: 4), "uint64": .other(name: "U64", size: 8),
    "int8": .other(name: "I8", size: 1), "uint8": .other(name: "U8", size: 1), "int16": .other(name: "I16", size: 2),
    "int32": .other(name: "I32", size: 4), "int64": .other(name: "I64", size: 8), "bool": .other(name: "BOOL", size: 1),
    "complex64": .other(name: "C64", size: 8), "complex128": .other(name: "C128", size: 16),
  ]
}
