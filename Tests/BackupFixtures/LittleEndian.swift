extension [UInt8] {
  /// Appends the low `count` bytes of a number, least significant first.
  package mutating func append(_ value: some BinaryInteger, bytes count: Int) {
    var rest = value
    for _ in 0..<count {
      append(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
  }

  /// Overwrites `count` bytes with a number, least significant first.
  package mutating func put(_ value: some BinaryInteger, bytes count: Int, at offset: Int) {
    var rest = value
    for index in offset..<offset + count {
      self[index] = UInt8(truncatingIfNeeded: rest)
      rest >>= 8
    }
  }

  package mutating func put(_ bytes: [UInt8], at offset: Int) {
    replaceSubrange(offset..<offset + bytes.count, with: bytes)
  }

  /// The 16-bit number at an even or odd place.
  package func uint16(at offset: Int) -> UInt16 {
    UInt16(self[offset]) | UInt16(self[offset + 1]) << 8
  }

  package func uint32(at offset: Int) -> UInt32 {
    UInt32(uint16(at: offset)) | UInt32(uint16(at: offset + 2)) << 16
  }
}

/// The bytes of a number, least significant first.
package func littleEndian(_ value: some BinaryInteger, bytes count: Int) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.append(value, bytes: count)
  return bytes
}

/// Text as UTF-16LE.
package func utf16Bytes(_ text: String) -> [UInt8] {
  utf16Bytes(Array(text.utf16))
}

package func utf16Bytes(_ units: [UInt16]) -> [UInt8] {
  units.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
}
