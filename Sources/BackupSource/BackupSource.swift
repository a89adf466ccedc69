public import Catalog
public import Staging

/// A SQL Server backup or data file as a source of rows: no server is needed.
///
/// Opening it walks the whole container, checks it against its own counts and reads the catalog;
/// rows are read table by table, by several threads at once if asked.
public struct BackupSource: Source {
  public typealias Fact = SourceFact

  /// What the file is, in the order in which a person wants to know it.
  public let facts: [Fact]

  private let pages: any PageReading
  private let database: Database
  private let storage: [ObjectName: TableStorage]
  private let opened: BackupFacts
  private let skipsDamaged: Bool
  private let rowWarnings = Locked<[String]>([])

  /// Opens a file and reads its catalog.
  ///
  /// - Parameters:
  ///   - specification: `FILE.bak`, stripes as `A.bak,B.bak`, a full backup with a differential laid
  ///     over it as `FULL.bak+DIFF.bak`, or `FILE.mdf,FILE.ndf`.
  ///   - setNumber: Which backup set of the file, from 1; the newest full one without it.
  ///   - skipsDamaged: Rows on damaged pages are listed among the rejects instead of stopping the
  ///     read. What the catalog itself is read from must be whole.
  /// - Throws: `unreadable`, `notABackup`, `refusedKind`, `truncated`, `damaged` or `unknown`, with
  ///   the place in the file.
  public init(
    _ specification: String, setNumber: Int? = nil, skipsDamaged: Bool = false
  ) throws(BackupError) {
    self.skipsDamaged = skipsDamaged
    let backup = try BackupFile.open(specification, setNumber: setNumber)
    pages = backup.pages
    opened = backup.facts
    let system = try SystemCatalog(backup.pages)
    var reader = CatalogReader(system, localeID: backup.facts.localeID)
    database = try reader.database(named: backup.facts.databaseName ?? system.boot.name)
    storage = reader.storage
    facts = Self.facts(backup.facts, system.boot, database)
  }

  public var identity: SourceIdentity {
    SourceIdentity(
      kind: opened.kind.rawValue, database: database.name, serverVersion: database.serverVersion,
      files: opened.files, consistency: opened.consistency,
      warnings: opened.warnings + rowWarnings.withLock { $0 })
  }

  /// The whole source catalog; it was read when the file was opened.
  public func readCatalog() -> Database { database }

  /// Writes every row of a table; what it notes on the way joins `identity.warnings`.
  ///
  /// - Throws: A `BackupError` that names page, slot, table and column at the first byte that is not
  ///   what it should be; the writer's own error when a row cannot be written.
  public func readRows(of table: Table, into writer: inout TableWriter) throws -> RowOrder {
    guard let place = storage[table.name] else {
      throw BackupError(
        .unknown, file: pages.fileName, place: "\(table.name)",
        problem: "the source has no such table")
    }
    if let refusal = place.refusal {
      throw BackupError(
        .refusedKind, file: pages.fileName, place: "\(table.name)", problem: refusal)
    }
    var reader = TableReader(table, place, pages: pages, skipsDamaged: skipsDamaged)
    let counts = try reader.read(into: &writer)
    if counts.rows != place.rowCount { writer.noteSourceRows(place.rowCount) }
    note(counts.warnings(table.name, promised: place.rowCount))
    return reader.order
  }

  private func note(_ sentences: [String]) {
    guard !sentences.isEmpty else { return }
    rowWarnings.withLock { warnings in
      // A table that is read twice has the same to say.
      for sentence in sentences where !warnings.contains(sentence) { warnings.append(sentence) }
      warnings.sort()
    }
  }

  private static func facts(
    _ opened: BackupFacts, _ boot: BootPage, _ database: Database
  ) -> [Fact] {
    var facts = [
      Fact("kind", opened.kind == .backup ? "backup" : "data file"),
      Fact("database", database.name),
      Fact("catalog of", "\(database.serverVersion) (internal version \(boot.version))"),
      Fact("created as", DatabaseVersion(number: boot.createdVersion).description),
    ]
    if let server = opened.serverVersion {
      facts.append(Fact("written by", "\(server) (\(opened.serverBuild ?? "build unknown"))"))
    }
    if let set = opened.setNumber {
      facts.append(Fact("backup set", "\(set) of \(opened.sets.count)"))
    }
    if let finished = opened.finishedAt { facts.append(Fact("backup finished", finished)) }
    if opened.kind == .backup {
      facts.append(Fact("compressed", opened.isCompressed ? "yes" : "no"))
      facts.append(Fact("log not replayed", "\(opened.logByteCount / 1024) KiB"))
    }
    if let collation = database.collation {
      let id = "0x" + String(collation.id ?? 0, radix: 16, uppercase: true)
      let page = collation.codePage.map { "code page \($0)" } ?? "code page unknown"
      facts.append(Fact("collation", "\(collation.name ?? id) (\(page))"))
    }
    return facts
  }
}

extension BackupFacts {
  /// One sentence on how far the rows belong to one moment.
  fileprivate var consistency: String {
    guard kind == .backup else {
      return "data files as they were copied, their transaction log is not read"
    }
    let moment = finishedAt.map { "backup of \($0)" } ?? "backup"
    return "\(moment), \(logByteCount / 1024) KiB of log not replayed"
  }
}

extension RowCounts {
  /// What a person should know about the rows of a table.
  ///
  /// - Parameter promised: Rows by the source's own bookkeeping.
  fileprivate func warnings(_ table: ObjectName, promised: Int) -> [String] {
    var sentences: [String] = []
    if rows != promised {
      sentences.append(
        "\(table): \(rows) rows were read, the catalog counts \(promised); the pages decide")
    }
    if skipped > 0 {
      sentences.append(
        "\(table): \(skipped) damaged places were skipped, their rows are missing; the rejects list them"
      )
    }
    if forwarded != stubs {
      sentences.append(
        "\(table): \(forwarded) moved rows were read, \(stubs) places say that their row has moved")
    }
    return sentences
  }
}
