/// Cuts CSV bytes that arrive in pieces into whole records, line ends inside quotes respected.
///
///     var records = CSVRecords(of: path)
///     while let block = try next() { try records.append(block) { digest.add($0) } }
///     try records.finish()
///
/// A record within one piece is handed out where it lies; only one that two pieces share is copied.
/// Invariant of the unsafe code: every index lies within the piece that `append` got.
public struct CSVRecords: ~Copyable {
  /// What the bytes are called in errors.
  private let file: String
  private let recordByteCountMax: Int
  /// The beginning of a record whose end is still to come; keeps its memory.
  private var carry: [UInt8] = []
  private var isQuoted = false

  /// - Parameters:
  ///   - file: Where the bytes come from, for errors.
  ///   - limits: `rowByteCountMax` is the longest record that is put together from pieces.
  public init(of file: String, limits: StagingLimits = StagingLimits()) {
    self.file = file
    recordByteCountMax = limits.rowByteCountMax
  }

  /// Takes the next bytes and hands out each record that ends in them.
  ///
  /// - Parameter body: Gets the bytes of one record without its line feed, valid until it returns.
  /// - Throws: `StagingError` with `.valueTooLarge`, and what `body` throws.
  public mutating func append(
    _ piece: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var recordStart = 0
    var index = 0
    var quoted: UInt64 = isQuoted ? .max : 0
    while index < piece.count {
      // Beyond the end lie zeros, which are neither quotes nor line feeds.
      let bytes = Self.word(piece, at: index)
      let quotes = Self.matches(bytes, ASCII.quote)
      var lineFeeds = Self.matches(bytes, ASCII.lineFeed)
      if quotes | lineFeeds != 0 {
        lineFeeds &= ~Self.quotedBytes(quotes, &quoted)
        while lineFeeds != 0 {
          let lineFeed = index + lineFeeds.trailingZeroBitCount / 8
          try handOut(piece, recordStart..<lineFeed, body)
          recordStart = lineFeed + 1
          lineFeeds &= lineFeeds - 1
        }
      }
      index += 8
    }
    isQuoted = quoted != 0
    try keep(piece, from: recordStart, to: piece.count)
  }

  /// Checks that the bytes have ended with a record.
  ///
  /// - Throws: `.damaged` when the last record has no line feed or an open quote.
  public consuming func finish() throws(StagingError) {
    guard carry.isEmpty, !isQuoted else {
      throw StagingError(
        .damaged, file: file, problem: "the CSV ends in the middle of a row",
        advice: "the file was cut off: restore it or export again")
    }
  }

  /// The top bit of each byte behind an odd number of quotes.
  ///
  /// - Parameter open: All bits set while a quote is open, before these bytes and then behind them.
  @inline(__always)
  private static func quotedBytes(_ quotes: UInt64, _ open: inout UInt64) -> UInt64 {
    var odd = quotes ^ quotes << 8
    odd ^= odd << 16
    odd ^= odd << 32
    let quoted = open ^ odd
    open = 0 &- quoted >> 63
    return quoted
  }

  private mutating func handOut(
    _ piece: UnsafeRawBufferPointer, _ range: Range<Int>,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    guard !carry.isEmpty else {
      return try body(UnsafeRawBufferPointer(rebasing: piece[range]))
    }
    try keep(piece, from: range.lowerBound, to: range.upperBound)
    try carry.withUnsafeBytes(body)
    carry.removeAll(keepingCapacity: true)
  }

  private mutating func keep(
    _ piece: UnsafeRawBufferPointer, from start: Int, to end: Int
  ) throws(StagingError) {
    guard carry.count + end - start <= recordByteCountMax else {
      throw StagingError(
        .valueTooLarge, file: file, problem: "a row of more than \(recordByteCountMax) bytes",
        advice: "PostgreSQL reads no longer line; a quote may be missing")
    }
    carry.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[start..<end]))
  }

  /// Eight bytes, the first lowest, filled up with zeros at the end of the piece.
  @inline(__always)
  private static func word(_ piece: UnsafeRawBufferPointer, at index: Int) -> UInt64 {
    if index + 8 <= piece.count {
      return UInt64(littleEndian: piece.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }
    return (index..<piece.count).reversed().reduce(0) { $0 << 8 | UInt64(piece[$1]) }
  }

  /// The top bit of each byte that is `byte`.
  @inline(__always)
  private static func matches(_ bytes: UInt64, _ byte: UInt8) -> UInt64 {
    let low: UInt64 = 0x7F7F_7F7F_7F7F_7F7F
    let differing = bytes ^ 0x0101_0101_0101_0101 &* UInt64(byte)
    return ~((differing & low) &+ low | differing | low)
  }
}
