/// The codec of compressed backups: LZ77 with Huffman codes as [MS-XCA] describes it, section 5.
///
/// 256 bytes hold the lengths of 512 canonical codes. A symbol below 256 is a byte; any other says
/// how many bytes to repeat and how many bits tell from how far back.
enum XpressHuffman {
  /// What can be wrong with encoded bytes; none of these is expected behind a fitting checksum.
  enum Failure: Error, Hashable {
    /// Fewer bytes than the table of code lengths has.
    case noTable
    /// The code lengths do not fill the code space: another codec, or encryption.
    case incompleteCode
    /// A repetition from before the first byte.
    case distanceTooLong
    /// A repetition past the last byte, or a length that no encoder writes.
    case wrongLength
    /// The encoded bytes end before the output is full.
    case endedEarly
  }

  static let symbolCount = 512
  static let tableByteCount = 256
  static let codeLengthMax = 15

  /// Codes up to this length are looked up at once; longer ones, which are rare, are searched for
  /// by their length.
  static let directBits = 11
}

/// The canonical code that 512 lengths describe: codes ascend with (length, symbol).
struct CanonicalCode {
  /// How many codes have each length.
  private(set) var counts = InlineArray<16, UInt16>(repeating: 0)
  /// The first code of each length.
  private(set) var firstCodes = InlineArray<16, UInt32>(repeating: 0)
  /// Where the symbols of each length begin in the order of codes.
  private(set) var firstIndexes = InlineArray<16, UInt16>(repeating: 0)

  /// - Parameter table: 256 bytes with two lengths each, the even symbol in the low nibble.
  init(_ table: RawSpan) throws(XpressHuffman.Failure) {
    for index in 0..<XpressHuffman.tableByteCount {
      guard let pair = table.uint8(at: index) else { throw .noTable }
      counts[Int(pair & 15)] += 1
      counts[Int(pair >> 4)] += 1
    }
    counts[0] = 0
    var code: UInt32 = 0
    var index: UInt16 = 0
    for length in 1...XpressHuffman.codeLengthMax {
      code = (code + UInt32(counts[length - 1])) << 1
      firstCodes[length] = code
      firstIndexes[length] = index
      index += counts[length]
    }
    // The codes fill the space exactly when the one after the last is the first that needs more
    // bits. 512 codes of up to 15 bits cannot overflow 32.
    let end = code + UInt32(counts[XpressHuffman.codeLengthMax])
    guard end == 1 << XpressHuffman.codeLengthMax else { throw .incompleteCode }
  }
}
