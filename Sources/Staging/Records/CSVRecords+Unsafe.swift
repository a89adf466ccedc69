import Glibc

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
    guard let bytes = piece.baseAddress else { return }
    let count = piece.count
    var recordStart = 0
    var index = 0
    // Kept while quoted cells are skipped before it, so that no byte is searched twice.
    var lineFeed = -1
    while index < count {
      if isQuoted {
        index = Self.find(ASCII.quote, in: bytes, index, count) + 1
        isQuoted = index > count
        continue
      }
      if lineFeed < index { lineFeed = Self.find(ASCII.lineFeed, in: bytes, index, count) }
      let quote = Self.find(ASCII.quote, in: bytes, index, lineFeed)
      if quote < lineFeed {
        isQuoted = true
        index = quote + 1
      } else {
        index = lineFeed + 1
        guard lineFeed < count else { break }
        try handOut(piece, recordStart..<lineFeed, body)
        recordStart = index
      }
    }
    try keep(piece, from: recordStart)
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

  private mutating func handOut(
    _ piece: UnsafeRawBufferPointer, _ range: Range<Int>,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let record = UnsafeRawBufferPointer(rebasing: piece[range])
    guard !carry.isEmpty else { return try body(record) }
    try keep(piece, from: range.lowerBound, to: range.upperBound)
    try carry.withUnsafeBytes(body)
    carry.removeAll(keepingCapacity: true)
  }

  private mutating func keep(
    _ piece: UnsafeRawBufferPointer, from start: Int, to end: Int? = nil
  ) throws(StagingError) {
    let part = UnsafeRawBufferPointer(rebasing: piece[start..<(end ?? piece.count)])
    guard carry.count + part.count <= recordByteCountMax else {
      throw StagingError(
        .valueTooLarge, file: file, problem: "a row of more than \(recordByteCountMax) bytes",
        advice: "PostgreSQL reads no longer line; a quote may be missing")
    }
    carry.append(contentsOf: part)
  }

  /// - Returns: The first place of `byte` in `start..<end`, or `end`.
  private static func find(
    _ byte: UInt8, in bytes: UnsafeRawPointer, _ start: Int, _ end: Int
  ) -> Int {
    guard start < end, let found = memchr(bytes + start, Int32(byte), end - start) else {
      return end
    }
    return UnsafeRawPointer(found) - bytes
  }
}
