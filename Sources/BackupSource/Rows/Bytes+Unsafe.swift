/// Little-endian numbers in a page.
///
/// Invariant of every function here: the caller has established, once for a whole record or
/// structure, that the bytes asked for lie inside the buffer. Debug builds check it again.
extension UnsafeRawBufferPointer {
  @inline(__always)
  func uint8(at offset: Int) -> UInt8 { load(offset) }

  @inline(__always)
  func uint16(at offset: Int) -> UInt16 { UInt16(littleEndian: load(offset)) }

  @inline(__always)
  func uint32(at offset: Int) -> UInt32 { UInt32(littleEndian: load(offset)) }

  @inline(__always)
  func uint64(at offset: Int) -> UInt64 { UInt64(littleEndian: load(offset)) }

  @inline(__always)
  func int16(at offset: Int) -> Int16 { Int16(bitPattern: uint16(at: offset)) }

  @inline(__always)
  func int32(at offset: Int) -> Int32 { Int32(bitPattern: uint32(at: offset)) }

  @inline(__always)
  func int64(at offset: Int) -> Int64 { Int64(bitPattern: uint64(at: offset)) }

  /// A pointer of six bytes: {u32 page, u16 file}.
  func pageID(at offset: Int) -> PageID {
    PageID(file: uint16(at: offset + 4), page: uint32(at: offset))
  }

  /// The bytes of a range, counted from zero again.
  @inline(__always)
  func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    assert(range.lowerBound >= 0 && range.upperBound <= count)
    return UnsafeRawBufferPointer(rebasing: self[range])
  }

  /// An unsigned little-endian number of 0 to 8 bytes: the whole buffer.
  func unsignedNumber() -> UInt64 {
    assert(count <= 8)
    var number: UInt64 = 0
    for index in stride(from: count - 1, through: 0, by: -1) {
      number = number << 8 | UInt64(uint8(at: index))
    }
    return number
  }

  @inline(__always)
  private func load<Number: BitwiseCopyable>(_ offset: Int) -> Number {
    assert(offset >= 0 && offset + MemoryLayout<Number>.size <= count)
    return loadUnaligned(fromByteOffset: offset, as: Number.self)
  }
}
