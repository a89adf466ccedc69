// Where merge statements are written: `files` lists them in the order in which they run, and each
// step has its own file below `Steps/`.

public import Catalog

/// The generated SQL of a mapped database. A function of the mapping alone: same mapping, same bytes.
public enum Merge {
  /// The files in the order of execution: a step for every table, in foreign-key order, before the
  /// next step begins; rows that changed and rows that vanished are dealt with in the reverse order.
  ///
  /// - Parameter tables: Indexes of the tables that a run loads; nil for all. The text of a file does
  ///   not depend on it: parents that are not loaded are found in their key maps as they are.
  public static func files(for database: MappedDatabase, tables: Set<Int>? = nil) -> [SQLFile] {
    let names = database.tables.indices.filter { tables?.contains($0) ?? true }
      .map { TableNames(database: database, index: $0) }
    return Step.allCases.flatMap { step in
      (step.isChildrenFirst ? names.reversed() : names).map { $0.file(for: step) }
    }
  }

  /// The COPY that fills a stage table from the chunks of a snapshot.
  public static func copyStatement(for table: Int, of database: MappedDatabase) -> String {
    TableNames(database: database, index: table).copyStatement
  }

  /// The COPY of the keys that the source says it deleted; nil for a table of which it does not say.
  public static func removedCopyStatement(for table: Int, of database: MappedDatabase) -> String? {
    TableNames(database: database, index: table).removedCopyStatement
  }

  /// What is to run before the COPY of a chunk, so that its rows are known as the chunk's. Nil for a
  /// table whose chunks are not told apart: all its rows are staged every time.
  ///
  /// - Parameter number: The chunk's number, as the key map remembers it.
  public static func chunkStatement(
    _ number: Int, for table: Int, of database: MappedDatabase
  ) -> String? {
    TableNames(database: database, index: table).chunkStatement(number)
  }

  /// The tables that step 10 makes, quoted.
  public static func stageTables(for table: Int, of database: MappedDatabase) -> [String] {
    let names = TableNames(database: database, index: table)
    return [names.stage] + [names.removed].compactMap(\.self)
  }

  /// `003_dbo.Album`: the folder of a table's files, by its position in foreign-key order.
  public static func folder(for table: Int, of database: MappedDatabase) -> String {
    TableNames(database: database, index: table).folder
  }
}

extension TableNames {
  fileprivate func file(for step: Step) -> SQLFile {
    switch step {
    case .stage: stageFile()
    case .check: checkFile()
    case .match: matchFile()
    case .allocate: allocateFile()
    case .orphans: orphansFile()
    case .insert: insertFile()
    case .update: updateFile()
    case .vanished: vanishedFile()
    case .reset: resetFile()
    case .account: accountFile()
    }
  }
}
