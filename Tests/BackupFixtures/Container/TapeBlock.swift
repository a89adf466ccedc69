/// A descriptor block of the tape format with the streams behind it (section 2).
struct TapeBlock {
  private var header: [UInt8]

  /// - Parameters:
  ///   - type: Four letters.
  ///   - byteCount: Of the header before strings are added, the common 52 bytes included.
  ///   - logicalBlock: Place in blocks of 1024 bytes after the set's SSET.
  init(_ type: String, byteCount: Int, attributes: Int = 0, logicalBlock: Int = 0, number: Int = 0)
  {
    header = [UInt8](repeating: 0, count: byteCount)
    header.put(Array(type.utf8), at: 0)
    header.put(attributes, bytes: 4, at: 4)
    header[10] = 0x0E
    header[11] = 1
    header.put(logicalBlock, bytes: 8, at: 20)
    header.put(number, bytes: 4, at: 36)
    header[48] = 2
  }

  mutating func put(_ value: some BinaryInteger, bytes count: Int, at offset: Int) {
    header.put(value, bytes: count, at: offset)
  }

  mutating func put(_ bytes: [UInt8], at offset: Int) { header.put(bytes, at: offset) }

  /// A string behind the header, and its size and place in the header.
  mutating func put(string: String, at offset: Int) {
    let bytes = utf16Bytes(string)
    header.put(bytes.count, bytes: 2, at: offset)
    header.put(bytes.isEmpty ? 0 : header.count, bytes: 2, at: offset + 2)
    header += bytes
  }

  /// The header with its checksum, up to the first stream.
  func bytes() -> [UInt8] {
    var bytes = header
    while bytes.count % 4 != 0 { bytes.append(0) }
    return Self.sealed(bytes, firstStream: bytes.count)
  }

  /// A block without streams that fills a physical block.
  func bytes(filling byteCount: Int) -> [UInt8] {
    let bytes = header + [UInt8](repeating: 0, count: byteCount - header.count)
    return Self.sealed(bytes, firstStream: byteCount)
  }

  private static func sealed(_ bytes: [UInt8], firstStream: Int) -> [UInt8] {
    var bytes = bytes
    bytes.put(firstStream, bytes: 2, at: 8)
    bytes.put(xor(bytes, wordCount: 25), bytes: 2, at: 50)
    return bytes
  }

  /// The header of a stream: id, attributes, length, checksum.
  static func stream(_ id: String, mediaAttributes: Int = 0, byteCount: Int) -> [UInt8] {
    var header = Array(id.utf8) + [0, 0]
    header += littleEndian(mediaAttributes, bytes: 2) + littleEndian(byteCount, bytes: 8)
    header += [0, 0, 0, 0]
    return header + littleEndian(xor(header, wordCount: 10), bytes: 2)
  }

  /// Padding from a place to the next multiple of `boundary`, 22 bytes at least.
  static func padding(from position: Int, boundary: Int) -> [UInt8] {
    var byteCount = boundary - (position + 22) % boundary
    if byteCount == boundary { byteCount = 0 }
    return stream("SPAD", byteCount: byteCount) + [UInt8](repeating: 0, count: byteCount)
  }

  private static func xor(_ bytes: [UInt8], wordCount: Int) -> UInt16 {
    (0..<wordCount).reduce(0) { $0 ^ bytes.uint16(at: 2 * $1) }
  }
}
