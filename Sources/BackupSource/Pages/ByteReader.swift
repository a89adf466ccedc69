/// A structure copied out of a file: its bytes, and where in the file they stood.
///
/// Numbers are little-endian and read by their offset from the structure's start, as the format
/// descriptions give them. A read outside the structure throws `damaged` with the absolute place.
struct ByteReader: Sendable {
  let bytes: [UInt8]
  /// Where `bytes` starts in the file; of a compressed backup, where the record starts.
  let baseOffset: Int
  /// Whether `bytes` stand in the file as they are, so that places inside can be told.
  let isExact: Bool
  let fileName: String
  /// What the structure is, for messages: "MTF block MSCI", "SFIN".
  let place: String

  func uint8(at offset: Int) throws(BackupError) -> UInt8 {
    try present(bytes.span.bytes.uint8(at: offset), 1, at: offset)
  }

  func uint16(at offset: Int) throws(BackupError) -> UInt16 {
    try present(bytes.span.bytes.uint16(at: offset), 2, at: offset)
  }

  func uint32(at offset: Int) throws(BackupError) -> UInt32 {
    try present(bytes.span.bytes.uint32(at: offset), 4, at: offset)
  }

  func uint64(at offset: Int) throws(BackupError) -> UInt64 {
    try present(bytes.span.bytes.uint64(at: offset), 8, at: offset)
  }

  /// A length or position of 64 bits; one that no file can have is damage.
  func length64(at offset: Int) throws(BackupError) -> Int {
    let value = try uint64(at: offset)
    guard let length = Int(exactly: value), length <= Self.lengthMax else {
      throw damaged("a length of \(value) bytes", at: offset)
    }
    return length
  }

  /// Four ASCII letters, such as a block type.
  func tag(at offset: Int) throws(BackupError) -> Tag { Tag(try uint32(at: offset)) }

  /// The part of `count` bytes from `offset`, as a structure of its own.
  func slice(_ count: Int, at offset: Int, place: String) throws(BackupError) -> ByteReader {
    guard bytes.span.bytes.holds(count, at: offset) else {
      throw damaged(
        "\(count) bytes expected at +\(offset) of a structure of \(bytes.count)", at: offset)
    }
    return ByteReader(
      bytes: Array(bytes[offset..<offset + count]), baseOffset: fileOffset(of: offset),
      isExact: isExact, fileName: fileName, place: place)
  }

  /// A string that a {u16 byte count, u16 offset from the structure's start} points to.
  ///
  /// Half a surrogate pair becomes U+FFFD: names are shown to people, never compared as bytes.
  func string(referencedAt offset: Int, isUTF16: Bool = true) throws(BackupError) -> String {
    let count = Int(try uint16(at: offset))
    guard count > 0 else { return "" }
    let part = try slice(count, at: Int(try uint16(at: offset + 2)), place: place)
    let text: String
    if isUTF16 {
      let units = stride(from: 0, to: count - 1, by: 2).map {
        UInt16(part.bytes[$0]) | UInt16(part.bytes[$0 + 1]) << 8
      }
      text = String(decoding: units, as: UTF16.self)
    } else {
      text = String(decoding: part.bytes, as: UTF8.self)
    }
    return String(text.prefix { $0 != "\0" })
  }

  func damaged(_ problem: String, at offset: Int = 0) -> BackupError {
    BackupError(
      .damaged, file: fileName, offset: fileOffset(of: offset), place: place, problem: problem,
      advice: "take the backup again or fetch the file again")
  }

  private func fileOffset(of offset: Int) -> Int { isExact ? baseOffset + offset : baseOffset }

  /// 2^55 bytes; sums of a few such lengths cannot overflow.
  static let lengthMax = 1 << 55

  private func present<Value>(
    _ value: Value?, _ count: Int, at offset: Int
  ) throws(BackupError) -> Value {
    guard let value else {
      throw damaged(
        "\(count) bytes expected at +\(offset) of a structure of \(bytes.count)", at: offset)
    }
    return value
  }
}

/// Four ASCII letters that name a block, stream or piece.
struct Tag: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  let code: UInt32

  init(_ code: UInt32) { self.code = code }

  init(stringLiteral text: StaticString) {
    precondition(text.utf8CodeUnitCount == 4, "a tag has four letters")
    code = text.withUTF8Buffer { letters in
      letters.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
  }

  /// The letters, or the number where they are none.
  var description: String {
    let letters = (0..<4).map { UInt8(truncatingIfNeeded: code >> (8 * $0)) }
    guard letters.allSatisfy({ (0x20...0x7E).contains($0) }) else {
      return "0x" + String(code, radix: 16, uppercase: true)
    }
    return String(decoding: letters, as: UTF8.self)
  }
}
