/// What a record holds for a column: the bytes, or how a value that lies elsewhere is pointed at.
enum StoredValue: Hashable {
  case null
  /// The uncompressed bytes of section 14; one byte, 0 or 1, for a bit.
  case bytes([UInt8])
  /// A complex column: pointer, inline root, sparse vector, back pointer.
  case complex([UInt8])

  var bytes: [UInt8]? {
    switch self {
    case .null: nil
    case .bytes(let bytes), .complex(let bytes): bytes
    }
  }
}
