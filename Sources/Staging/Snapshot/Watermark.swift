public import Catalog

/// Up to where the changes of a table are in a snapshot: what the next snapshot, a partial one, goes on
/// from.
public struct Watermark: Codable, Hashable, Sendable {
  /// How the source tells which rows changed.
  public enum Kind: String, Codable, Sendable {
    /// A column of type rowversion.
    case rowversion
    /// SQL Server's Change Tracking.
    case changeTracking = "change_tracking"
    /// A column that an application keeps: when the row was last modified.
    case column
  }

  public var kind: Kind
  /// The column that says when a row changed; nil for Change Tracking, which is asked of the table.
  public var column: String?
  /// As text that only ever grows: 16 hex digits after `0x`, a version number without leading zeros,
  /// or an ISO time.
  public var value: String
  /// Stands for the table's stored columns, names and types: rows that were read with other columns are
  /// not of the same table.
  public var columns: String?

  public init(kind: Kind, column: String? = nil, value: String, columns: String? = nil) {
    self.kind = kind
    self.column = column
    self.value = value
    self.columns = columns
  }

  /// What `columns` is for a table.
  public static func fingerprint(of table: Table) -> String {
    let text = table.storedColumns.map { "\($0.name)\u{0}\($0.type)\n" }.joined()
    return Array(text.utf8).withUnsafeBytes { StreamHash.hexDigits(StreamHash.hash($0)) }
  }

  /// Whether a target that was loaded up to here lacks nothing before `other`.
  ///
  /// Watermarks of different kinds, columns or forms of the table cannot be compared.
  public func reaches(_ other: Watermark) -> Bool {
    guard kind == other.kind, column == other.column, columns == other.columns else {
      return false
    }
    if kind == .changeTracking {
      guard let own = Int64(value), let asked = Int64(other.value) else { return false }
      return own >= asked
    }
    // Of equal length, so that the order of the bytes is that of the values.
    return value.utf8.count == other.value.utf8.count
      && !value.utf8.lexicographicallyPrecedes(other.value.utf8)
  }
}

/// What was read of a table of which only changed rows were read.
public struct PartialRead: Codable, Hashable, Sendable {
  /// The watermark of the snapshot before: older rows are in the chunks only if they changed since.
  public var since: Watermark
  /// Chunks below `removed/<folder>` with the source keys of the rows that the source deleted since;
  /// empty where it deleted none. Nil where the source does not say which it deleted: such rows stay
  /// in the target until the table is read whole.
  public var removed: [ChunkManifest]?

  public init(since: Watermark, removed: [ChunkManifest]? = nil) {
    self.since = since
    self.removed = removed
  }

  /// Rows that the source deleted, as far as it says so.
  public var removedRows: Int { (removed ?? []).reduce(0) { $0 + $1.rows } }
}
