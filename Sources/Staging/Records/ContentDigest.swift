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
    sum &+= StreamHash.hash(record)
  }

  /// Adds all rows of another digest: parts may be digested at the same time.
  public mutating func add(_ other: ContentDigest) {
    rows += other.rows
    bytes += other.bytes
    sum &+= other.sum
  }

  /// 32 lower-case hex digits.
  public var hexDigits: String { StreamHash.hexDigits(sum) }
}

extension ContentDigest: CustomStringConvertible {
  public var description: String { "\(rows) rows, \(bytes) bytes, \(hexDigits)" }
}

extension Snapshot {
  /// Digests all rows of a table, whatever chunks they lie in; checks the chunks on the way.
  ///
  /// - Throws: `StagingError` with `.damaged`, also when a chunk does not hold the number of rows
  ///   that the manifest says, `.unreadable`, `.valueTooLarge`.
  public func contentDigest(of table: TableManifest) throws -> ContentDigest {
    var digest = ContentDigest()
    for chunk in table.chunks {
      var records = CSVRecords(of: chunkPath(chunk, of: table))
      var part = ContentDigest()
      try readChunk(chunk, of: table) { block in
        try records.append(block) { part.add($0) }
      }
      try records.finish()
      guard part.rows == chunk.rows else {
        throw StagingError(
          .damaged, file: chunkPath(chunk, of: table),
          problem: "\(part.rows) rows, and the manifest says \(chunk.rows)",
          advice: "export again")
      }
      digest.add(part)
    }
    return digest
  }
}
