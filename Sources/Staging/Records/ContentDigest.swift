/// A digest of rows that does not depend on their order: two sets of rows with equal digests are
/// equal, repeated rows counted.
///
/// The sum of the rows' XXH3-128 modulo 2^128. It finds accidents (a row lost, doubled, changed),
/// not a forger who can choose rows by their hashes.
public struct ContentDigest: Hashable, Sendable {
  public private(set) var rows = 0
  /// Of all records, line feeds not counted.
  public private(set) var bytes = 0
  private var sum: UInt128 = 0

  public init() {}

  /// Adds one record, without its line feed.
  public mutating func add(_ record: UnsafeRawBufferPointer) {
    rows += 1
    bytes += record.count
    sum &+= Self.hash(of: record)
  }

  /// Adds all rows of another digest: parts may be digested at the same time.
  public mutating func add(_ other: ContentDigest) {
    rows += other.rows
    bytes += other.bytes
    sum &+= other.sum
  }

  /// The XXH3-128 of one record, without its line feed: what a digest adds up.
  public static func hash(of record: UnsafeRawBufferPointer) -> UInt128 { StreamHash.hash(record) }

  /// 32 lower-case hex digits.
  public var hexDigits: String { StreamHash.hexDigits(sum) }
}

extension ContentDigest: CustomStringConvertible {
  public var description: String { "\(rows) rows, \(bytes) bytes, \(hexDigits)" }
}

extension Snapshot {
  /// Digests all rows of a table, whatever chunks they lie in; checks the chunks on the way.
  ///
  /// - Throws: As `readRecords`.
  public func contentDigest(of table: TableManifest) throws -> ContentDigest {
    var digest = ContentDigest()
    try readRecords(of: table) { digest.add($0) }
    return digest
  }

  /// Hands out every row of a table in the order of its chunks, and checks each chunk at its end.
  ///
  /// - Parameter body: Gets one record without its line feed, valid until it returns.
  /// - Throws: `StagingError` with `.damaged`, also when a chunk does not hold the number of rows
  ///   that the manifest says, `.unreadable`, `.valueTooLarge`; and what `body` throws.
  public func readRecords(
    of table: TableManifest, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    for chunk in table.chunks {
      var records = CSVRecords(of: chunkPath(chunk, of: table))
      var rowCount = 0
      try readChunk(chunk, of: table) { block in
        try records.append(block) { record in
          rowCount += 1
          try body(record)
        }
      }
      try records.finish()
      guard rowCount == chunk.rows else {
        throw StagingError(
          .damaged, file: chunkPath(chunk, of: table),
          problem: "\(rowCount) rows, and the manifest says \(chunk.rows)",
          advice: "export again")
      }
    }
  }
}
