public import Catalog

/// What an export staged, written last into `manifest.json`: a folder without it is unfinished.
///
/// The same source gives the same bytes: no clock, no host, no order that changes.
public struct Manifest: Codable, Hashable, Sendable {
  /// The newest format that is read. Raised when a reader of the number before would misread the
  /// folder: 2 has tables of which only changed rows were read (`TableManifest.partial`).
  public static let formatCurrent = 2

  public var format: Int
  public var source: SourceIdentity
  /// XXH3-128 of `schema.json`, 32 lower-case hex digits.
  public var schemaXXH3: String
  /// Every table of `schema.json` that was asked for, sorted by name; refused ones too.
  public var tables: [TableManifest]
  /// Tables of `schema.json` that were not asked for, sorted.
  public var leftOut: [ObjectName]

  public init(
    source: SourceIdentity, schemaXXH3: String, tables: [TableManifest],
    leftOut: [ObjectName] = []
  ) {
    self.format = tables.contains { $0.partial != nil } ? 2 : 1
    self.source = source
    self.schemaXXH3 = schemaXXH3
    self.tables = tables
    self.leftOut = leftOut
  }

  public func table(named name: ObjectName) -> TableManifest? { tables.first { $0.table == name } }

  enum CodingKeys: String, CodingKey {
    case format, source, tables
    case schemaXXH3 = "schema_xxh3_128"
    case leftOut = "left_out"
  }
}

/// What was staged of one table.
public struct TableManifest: Codable, Hashable, Sendable {
  public var schema: String
  public var name: String
  /// Below `data/`; `ObjectName.fileName`.
  public var folder: String
  /// In all chunks together, rejects not counted.
  public var rows: Int
  public var bytes: Int
  /// In `rejects/<folder>.csv`, which is missing where there are none.
  public var rejects: Int
  public var order: RowOrder
  /// Rows in the chunks whose text lacks characters that PostgreSQL cannot store; the rejects list
  /// them. Nil for none.
  public var altered: Int?
  /// Lines among the rejects that stand for rows that could not be read at all (a damaged page),
  /// their number unknown; nil for none. What such a table lacks has not vanished from the source.
  public var unreadable: Int?
  /// Rows by the source's own bookkeeping, where other numbers of them were read; nil where both agree
  /// or nothing is known. Where it is more than `rows`, what the table lacks has not vanished.
  public var sourceRows: Int?
  /// Why rows that the chunks lack may still be in the source: the table was not read as one state.
  /// Nil where it was.
  public var uncertainty: String?
  /// Set where the chunks hold only rows that changed since an earlier snapshot: what they lack has
  /// neither vanished nor changed. Nil for a table that was read whole.
  public var partial: PartialRead?
  /// What the next, partial snapshot goes on from, where the mapping says `incremental`.
  public var watermark: Watermark?
  /// Why the table could not be read; it has no chunks then.
  public var refusal: String?
  /// In the order of the rows.
  public var chunks: [ChunkManifest]

  public init(
    table: ObjectName, rows: Int = 0, bytes: Int = 0, rejects: Int = 0,
    order: RowOrder = .physical, altered: Int = 0, unreadable: Int = 0, sourceRows: Int? = nil,
    refusal: String? = nil, chunks: [ChunkManifest] = []
  ) {
    self.schema = table.schema
    self.name = table.name
    self.folder = table.fileName
    self.rows = rows
    self.bytes = bytes
    self.rejects = rejects
    self.order = order
    self.altered = altered > 0 ? altered : nil
    self.unreadable = unreadable > 0 ? unreadable : nil
    self.sourceRows = sourceRows
    self.refusal = refusal
    self.chunks = chunks
  }

  public var table: ObjectName { ObjectName(schema, name) }

  /// Rows among the rejects; the other lines stand for an unknown number of rows.
  public var refusedRows: Int { rejects - (unreadable ?? 0) }

  /// Rows of the source that no chunk holds, as far as anything is known of them: refused, or counted
  /// by the source and not found; at least 1 where the table was not read as one state. Unless it is
  /// 0, no row is taken for vanished.
  public var absentRows: Int {
    max(rejects, (sourceRows ?? 0) - rows, uncertainty == nil ? 0 : 1)
  }

  enum CodingKeys: String, CodingKey {
    case schema, name, folder, rows, bytes, rejects, order, altered, unreadable, refusal, chunks
    case uncertainty, partial, watermark
    case sourceRows = "source_rows"
  }
}

/// One CSV file: whole rows, no header line.
public struct ChunkManifest: Codable, Hashable, Sendable {
  /// In the table's folder: `000001.csv`, `000002.csv` …
  public var file: String
  public var rows: Int
  public var bytes: Int
  /// Of all bytes of the file, 32 lower-case hex digits, as `xxh128sum` prints it.
  public var xxh3: String
  /// The source key's values in the first row, as text; nil for NULL. Empty without a source key.
  public var firstKey: [String?]
  public var lastKey: [String?]

  public init(
    file: String, rows: Int, bytes: Int, xxh3: String, firstKey: [String?], lastKey: [String?]
  ) {
    self.file = file
    self.rows = rows
    self.bytes = bytes
    self.xxh3 = xxh3
    self.firstKey = firstKey
    self.lastKey = lastKey
  }

  /// File name of the chunk with this number, 1 for the first.
  ///
  /// - Parameter range: Of a table that is written in ranges, as long as not all of them are finished.
  static func fileName(number: Int, range: Int? = nil) -> String {
    SnapshotLayout.rangePrefix(range) + SnapshotLayout.digits(number, 6) + ".csv"
  }

  enum CodingKeys: String, CodingKey {
    case file, rows, bytes
    case xxh3 = "xxh3_128"
    case firstKey = "first_key"
    case lastKey = "last_key"
  }
}
