/// Little-endian numbers inside a page or block, each read with a bounds check that answers nil.
///
/// Nothing here allocates or throws, so the row path can use it; what a missing number means, and
/// how it is reported, is the caller's to say.
extension RawSpan {
  func uint8(at offset: Int) -> UInt8? {
    guard offset >= 0, offset < byteCount else { return nil }
    return unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  func uint16(at offset: Int) -> UInt16? {
    guard holds(2, at: offset) else { return nil }
    return UInt16(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  func uint32(at offset: Int) -> UInt32? {
    guard holds(4, at: offset) else { return nil }
    return UInt32(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  func uint64(at offset: Int) -> UInt64? {
    guard holds(8, at: offset) else { return nil }
    return UInt64(littleEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// Page pointers are {u32 page, u16 file} everywhere in the format.
  func pageID(at offset: Int) -> PageID? {
    guard let page = uint32(at: offset), let file = uint16(at: offset + 4) else { return nil }
    return PageID(file: file, page: page)
  }

  /// Whether `count` bytes from `offset` lie inside, for any two numbers.
  func holds(_ count: Int, at offset: Int) -> Bool {
    offset >= 0 && count >= 0 && offset <= byteCount && count <= byteCount - offset
  }
}
