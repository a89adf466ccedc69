// What a batch is answered with.

public import BackupFixtures
public import Catalog

/// Result sets, messages and counts, in the order in which the client gets them.
public struct Response: Sendable {
  public var parts: [Part]

  public enum Part: Sendable {
    case rows(ResultSet)
    /// A statement that touched so many rows and returns none; nil for one that counts nothing.
    case statement(rowCount: Int?)
    case message(ServerMessage)
    case environment(EnvironmentChange)
  }

  public init(_ parts: [Part]) { self.parts = parts }

  public init(_ results: ResultSet...) { parts = results.map(Part.rows) }
}

/// Columns and rows. Rows are made when the connection can take them, never all at once.
public struct ResultSet: Sendable {
  public var columns: [ResultColumn]
  public var rowCount: Int
  /// The values of row n, from 0.
  public var row: @Sendable (Int) -> [FixtureValue]
  public var form = Form()

  /// Forms among which a server may choose.
  public struct Form: Sendable {
    /// NBCROW instead of ROW.
    public var usesNullBitmap = false
    /// Bytes of a part of a (max), xml or CLR value at most.
    public var partByteCount = 4000
    /// Whether such values say their length in advance.
    public var knowsLengths = true

    public init(
      usesNullBitmap: Bool = false, partByteCount: Int = 4000, knowsLengths: Bool = true
    ) {
      self.usesNullBitmap = usesNullBitmap
      self.partByteCount = partByteCount
      self.knowsLengths = knowsLengths
    }
  }

  public init(
    _ columns: [ResultColumn], form: Form = Form(), rowCount: Int,
    row: @escaping @Sendable (Int) -> [FixtureValue]
  ) {
    self.columns = columns
    self.form = form
    self.rowCount = rowCount
    self.row = row
  }

  public init(_ columns: [ResultColumn], form: Form = Form(), rows: [[FixtureValue]]) {
    self.init(columns, form: form, rowCount: rows.count) { rows[$0] }
  }
}

/// A column of a result set.
public struct ResultColumn: Sendable {
  public var name: String
  public var type: ColumnType
  /// Numbers and old date types that cannot be NULL take the forms without a length.
  public var isNullable: Bool
  /// Of text columns.
  public var collation: Collation

  public init(
    _ name: String, _ type: ColumnType, isNullable: Bool = true,
    collation: Collation = .sqlLatin1
  ) {
    self.name = name
    self.type = type
    self.isNullable = isNullable
    self.collation = collation
  }

  /// - Parameter type: As T-SQL writes it: "nvarchar(40)".
  public init(_ name: String, _ type: String, isNullable: Bool = true) {
    guard let parsed = ColumnType(type) else { fatalError("no such type: \(type)") }
    self.init(name, parsed, isNullable: isNullable)
  }
}

/// An ERROR (severity above 10) or INFO of the server. Thrown by an answer, it is the answer.
public struct ServerMessage: Error, Sendable {
  public var number: Int
  /// From 20 on the server closes the connection.
  public var severity: Int
  public var text: String
  public var line: Int

  public init(_ number: Int, severity: Int = 16, _ text: String, line: Int = 1) {
    self.number = number
    self.severity = severity
    self.text = text
    self.line = line
  }
}

/// ENVCHANGE, by the types that a client has to follow.
public enum EnvironmentChange: Sendable {
  case database(new: String, old: String)
  case language(new: String)
  case packetSize(new: Int, old: Int)
  case collation(Collation)
  case transactionBegun(UInt64)
  case transactionCommitted(UInt64)
  case transactionRolledBack(UInt64)
}
