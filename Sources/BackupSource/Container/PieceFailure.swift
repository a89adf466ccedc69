/// Why a record's data do not expand.
enum PieceFailure: Error, Hashable {
  case xpressHuffman(XpressHuffman.Failure)
  case zstd(Zstd.Failure)

  /// The data are of another algorithm than the container says, not damaged ones of it.
  var isOtherCodec: Bool {
    self == .xpressHuffman(.incompleteCode) || self == .zstd(.noFrame)
  }

  func reason(for data: ArraySlice<UInt8>) -> String {
    switch self {
    case .xpressHuffman(.noTable): "it has no code table"
    case .xpressHuffman(.incompleteCode):
      "its code table is not one of Xpress Huffman" + Self.guess(data)
    case .xpressHuffman(.distanceTooLong): "it repeats bytes from before its start"
    case .xpressHuffman(.wrongLength): "a repetition is longer than what is left"
    case .xpressHuffman(.endedEarly): "it ends before it has given all bytes"
    case .zstd(.noFrame): "it is not a ZSTD frame" + Self.guess(data)
    case .zstd(.damaged(let reason)): "its ZSTD frame is damaged (\(reason))"
    case .zstd(.wrongLength(let count)): "its ZSTD frame holds \(count) bytes"
    }
  }

  private static func guess(_ data: ArraySlice<UInt8>) -> String {
    OtherCodec(data).map { "; it seems to be \($0.rawValue)" } ?? ""
  }
}

/// Algorithms that a piece can be compressed by and that its container does not name.
enum OtherCodec: String {
  case zstd = "ZSTD"
  case deflate = "DEFLATE, which QAT writes"

  init?(_ data: ArraySlice<UInt8>) {
    let data = Array(data.prefix(64))
    if data.starts(with: Zstd.frameMagic) {
      self = .zstd
    } else if data.starts(with: [0x1F, 0x8B, 8]) || Self.isZlib(data) || Self.isDeflate(data) {
      self = .deflate
    } else {
      return nil
    }
  }

  /// Two bytes: method 8, a window, and a multiple of 31.
  private static func isZlib(_ data: [UInt8]) -> Bool {
    data.count >= 2 && data[0] & 15 == 8 && data[0] >> 4 <= 7
      && (Int(data[0]) << 8 | Int(data[1])) % 31 == 0
  }

  /// A block with codes of its own, whose lengths are themselves in a code that is complete.
  private static func isDeflate(_ data: [UInt8]) -> Bool {
    var position = 0
    func bits(_ count: Int) -> Int {
      defer { position += count }
      return (0..<count).reduce(0) { value, index in
        let place = position + index
        return place < 8 * data.count
          ? value | Int(data[place / 8] >> UInt8(place % 8) & 1) << index : value
      }
    }
    _ = bits(1)
    guard bits(2) == 2, bits(5) < 30, bits(5) < 30 else { return false }
    let lengths = (0..<bits(4) + 4).map { _ in bits(3) }
    return lengths.reduce(0) { $1 == 0 ? $0 : $0 + 128 >> $1 } == 128
  }
}
