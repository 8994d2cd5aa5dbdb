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
    case rebuildParameter
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
  }
}

extension PickleInterpreter {
  /// The builder that `module.name` stands for.
  func callable(_ module: String, _ name: String) throws(ModelError) -> Callable {
    switch (module, name) {
    case ("torch._utils", "_rebuild_tensor_v2"): return .rebuildTensor
    case ("torch._utils", "_rebuild_parameter"): return .rebuildParameter
    case ("collections", "OrderedDict"): return .orderedDictionary
    case ("torch", "FloatStorage"): return .storageType(.float32)
    case ("torch", "HalfStorage"): return .storageType(.float16)
    case ("torch", "BFloat16Storage"): return .storageType(.bfloat16)
    case ("torch", "DoubleStorage"): return .storageType(.other(name: "F64", size: 8))
    case ("torch", "LongStorage"): return .storageType(.other(name: "I64", size: 8))
    case ("torch", "IntStorage"): return .storageType(.other(name: "I32", size: 4))
    case ("torch", "ShortStorage"): return .storageType(.other(name: "I16", size: 2))
    case ("torch", "CharStorage"): return .storageType(.other(name: "I8", size: 1))
    case ("torch", "ByteStorage"): return .storageType(.other(name: "U8", size: 1))
    case ("torch", "BoolStorage"): return .storageType(.other(name: "BOOL", size: 1))
    default: throw cursor.refused("\(module).\(name), which does not build tensors")
    }
  }
}
