public import Catalog

/// A database to be written as SQL Server files, described by plain values.
///
/// The same description says what a reader must find: `expected` is its catalog and
/// `FixtureTable.csvLine` prints its rows, both without any code of the reader.
public struct FixtureDatabase: Sendable {
  /// Everything but the tables, whose list is ignored.
  public var catalog: Database
  public var tables: [FixtureTable]
  /// Data files of the database, 1 to 8. File ids are 1, 3, 4, …: 2 is the log.
  public var dataFileCount: Int
  /// Protection of pages against damage, as the database option PAGE_VERIFY has it.
  public var pageVerify: PageVerify
  /// Tells states of one database apart: it becomes part of the log sequence numbers.
  public var state: Int

  public enum PageVerify: Sendable { case none, tornPages, checksum }

  public init(
    _ name: String, tables: [FixtureTable], dataFileCount: Int = 1,
    pageVerify: PageVerify = .checksum, state: Int = 1
  ) {
    catalog = Database(
      name: name, serverVersion: "SQL Server 2017", collation: .sqlLatin1, schemas: ["dbo"])
    self.tables = tables
    self.dataFileCount = dataFileCount
    self.pageVerify = pageVerify
    self.state = state
  }

  /// The catalog that a reader of the written files must report.
  public var expected: Database {
    var database = catalog
    database.tables = tables.map(\.expected).sorted { $0.name < $1.name }
    database.schemas = Set(database.tables.map(\.name.schema)).union(catalog.schemas).sorted {
      $0.utf8.lexicographicallyPrecedes($1.utf8)
    }
    return database
  }
}

/// A table, how it is stored, and its rows.
public struct FixtureTable: Sendable {
  /// Columns, keys and constraints. The clustered index is the clustered key or index among them.
  public var table: Table
  public var storage: FixtureStorage
  public var rowCount: Int
  /// The values of row n (from 0), one for each stored column in column-id order. A clustered
  /// table's rows come in the order of its key.
  public var row: @Sendable (Int) -> [FixtureValue]

  public init(
    _ table: Table, storage: FixtureStorage = FixtureStorage(), rowCount: Int,
    row: @escaping @Sendable (Int) -> [FixtureValue]
  ) {
    self.table = table
    self.storage = storage
    self.rowCount = rowCount
    self.row = row
  }

  public init(
    _ table: Table, storage: FixtureStorage = FixtureStorage(), rows: [[FixtureValue]] = []
  ) {
    self.init(table, storage: storage, rowCount: rows.count) { rows[$0] }
  }

  var expected: Table {
    var expected = table
    expected.rowCount = rowCount
    return expected
  }
}

/// How the rows of a table lie in the pages, beyond what its description decides.
public struct FixtureStorage: Sendable {
  public enum Compression: Int, Sendable { case none, row, page }

  public var compression = Compression.none
  /// Rows of each partition but the last, which gets the rest. Empty: not partitioned.
  public var partitionRowCounts: [Int] = []
  /// Whether the first eight pages come from mixed extents.
  public var usesMixedExtents = false
  /// The first extent to use in each data file; the ones before stay free.
  public var firstExtent = 0
  /// Columns that were dropped, at the ids they had, each with the value that old rows hold.
  public var droppedColumns: [(column: Column, value: FixtureValue)] = []
  /// Columns that rows before a given one were written without: by name, the first row that holds
  /// them. The rows before must describe `storedDefault` or NULL.
  public var addedColumns: [String: (firstRow: Int, storedDefault: FixtureValue)] = [:]
  /// Where values of text, ntext, image, xml, CLR and (max) columns lie, by column name.
  public var largeValues: [String: LargeValuePlace] = [:]
  /// Every so many rows of a heap one was moved and left a forwarding stub.
  public var forwardedRowEvery: Int?
  /// Every so many rows a deleted row is still there as a ghost.
  public var ghostRowEvery: Int?
  /// Every so many rows a slot without a record.
  public var emptySlotEvery: Int?
  /// Every so many rows one carries a 14-byte row version tag.
  public var versionedRowEvery: Int?
  /// Pages in owned extents that were freed and still hold rows.
  public var freedPageCount = 0

  public init(compression: Compression = .none) {
    self.compression = compression
  }
}

/// Where a large value lies.
public enum LargeValuePlace: Sendable {
  /// As the server would: in the row up to 8000 bytes where the type allows, else behind an inline
  /// root, or behind a text pointer for text, ntext and image.
  case automatic
  /// In the row, whatever the type.
  case inRow
  /// Behind a 16-byte pointer ("large value types out of row").
  case textPointer
  /// Behind an inline root even when short.
  case inlineRoot
  /// As a tree with few links in each node, so that several levels appear.
  case tree(links: Int)
}
