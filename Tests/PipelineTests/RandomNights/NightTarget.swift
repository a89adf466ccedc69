// The target of a random source: loads it with the real loader, and reads what is there without any
// SQL of the product's.

import Catalog
import Foundation
import Logging
import Pipeline
import Report
import Staging
import TestSupport
import Translation

/// How a night is loaded.
struct NightOptions {
  /// Indexes of the tables; nil for all.
  var tables: Set<Int>?
  var stagesAllChunks = false
  var commitsByTable = false
  var jobCount = 2
}

struct NightTarget {
  let postgres: TestPostgres
  private(set) var plan: Plan
  let tables: [NightTable]
  private let folder: TemporaryFolder
  private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  init(_ source: NightSource, in postgres: TestPostgres? = nil) throws {
    tables = source.tables
    folder = try TemporaryFolder()
    self.postgres = try postgres ?? TestPostgres()
    plan = try Plan(Self.catalog(source), mapping: try Mapping(yaml: source.mapping))
    try writeMapping(of: source)
  }

  /// Somebody edited the mapping.
  mutating func planAgain(_ source: NightSource) throws {
    plan = try Plan(Self.catalog(source), mapping: try Mapping(yaml: source.mapping))
    try writeMapping(of: source)
  }

  private func writeMapping(of source: NightSource) throws {
    try source.mapping.write(toFile: mappingPath, atomically: true, encoding: .utf8)
  }

  private var mappingPath: String { folder.path + "/restage.yaml" }

  /// Indexes of the source's tables, as the plan has them in order.
  var order: [Int] {
    plan.database.tables.compactMap { mapped in
      tables.firstIndex { $0.name == mapped.source.name }
    }
  }

  /// By table and column: the table whose new keys the column holds, its own included.
  var keyTables: [[Int?]] {
    tables.indices.map { table in
      mapped(table).columns.indices.map { column in
        mapped(table).surrogate?.column == column
          ? table : mapped(table).columns[column].keyTable.map { order[$0] }
      }
    }
  }

  func mapped(_ table: Int) -> MappedTable {
    plan.database.tables.first { $0.source.name == tables[table].name } ?? plan.database.tables[0]
  }

  // MARK: - Snapshots

  private static func catalog(_ source: NightSource) -> Database {
    Database(name: "Nights", serverVersion: "none", schemas: ["dbo"], tables: source.catalog)
  }

  /// Writes the rows of tonight, a few to a chunk.
  func snapshot(of source: inout NightSource, named name: String) throws -> Snapshot {
    let path = "\(folder.path)/\(name)"
    let writer = try SnapshotWriter(folder: path, limits: source.limits)
    try writer.begin(Self.catalog(source))
    var manifests: [TableManifest] = []
    for (index, table) in source.catalog.enumerated() {
      manifests.append(
        try write(
          source.arranged(index), of: table, tables[index], to: writer,
          order: source.orders[index] == .key ? .key : .physical))
    }
    try writer.finish(
      source: SourceIdentity(
        kind: "csv", database: "Nights", serverVersion: "none", files: [], consistency: "a test"),
      tables: manifests)
    return try Snapshot(opening: path)
  }

  private func write(
    _ rows: Rows, of table: Table, _ shape: NightTable, to snapshot: SnapshotWriter,
    order: RowOrder
  ) throws -> TableManifest {
    var writer = try snapshot.makeTableWriter(for: table)
    for row in rows {
      writer.beginRow()
      for (index, column) in table.columns.enumerated() {
        let cell = row[index].map { shape.columns[index].isPadded ? Self.padded($0) : $0 }
        if let cell, let number = Int64(cell), column.type.isInteger {
          writer.write(integer: number)
        } else if let cell {
          Array(cell.utf8).withUnsafeBytes { writer.write(utf8: $0) }
        } else {
          writer.writeNull()
        }
      }
      try writer.endRow()
    }
    return try writer.finish(order: order)
  }

  private static func padded(_ text: String) -> String {
    text + String(repeating: " ", count: NightColumn.fixedLength - text.utf16.count)
  }

  // MARK: - Runs

  private func selection(_ options: NightOptions) -> TableSelection {
    guard let selected = options.tables else { return .all }
    return TableSelection(
      patterns: selected.sorted().map { TablePattern("dbo.\(tables[$0].name)") })
  }

  func load(_ snapshot: Snapshot, _ options: NightOptions) async throws -> LoadOutcome {
    try await Load(
      snapshot: snapshot, plan: plan, target: postgres.uri,
      options: Load.Options(
        selection: selection(options), jobCount: options.jobCount, allowsShrink: true,
        commit: options.commitsByTable ? .table : .run, stagesAllChunks: options.stagesAllChunks),
      logger: logger
    ).run()
  }

  func verify(_ snapshot: Snapshot, _ options: NightOptions) async throws -> Verification {
    var verifier = Verifier(snapshot: snapshot, database: plan.database, level: .content)
    verifier.selection = selection(options)
    verifier.tables = plan.database.tables.indices.filter { index in
      options.tables.map { $0.contains(order[index]) } ?? true
    }
    return try await verifier.run(target: postgres.uri, connectionCount: 2)
  }

  func takeBack() async throws -> RollbackOutcome {
    try await Rollback("last", target: postgres.uri, options: Rollback.Options(), logger: logger)
      .run()
  }

  /// Loads with the tool and kills it.
  func kill(_ snapshot: Snapshot, _ options: NightOptions, after seconds: Double) throws {
    var arguments = [
      "--signal=KILL", "\(seconds)", RestageTool.path, "load", snapshot.folder, "--target",
      postgres.uri, "--mapping", mappingPath, "--quiet", "--allow-shrink", "--jobs",
      "\(options.jobCount)", "--commit", options.commitsByTable ? "table" : "run",
    ]
    if options.stagesAllChunks { arguments.append("--all-chunks") }
    if let selected = options.tables {
      arguments += [
        "--tables", selected.sorted().map { "dbo.\(tables[$0].name)" }.joined(separator: ","),
      ]
    }
    _ = try Shell.run("timeout", arguments)
    for _ in 0..<100 {
      let left = try postgres.psql(
        """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'restage%'
        """)
      guard left != "0" else { return }
      usleep(50_000)
    }
  }

  // MARK: - What is there

  /// What the target holds, in the source's own values.
  struct Content {
    var rows: [Rows]
    /// Rows with the time at which they vanished.
    var marked: [Rows]
    /// By table: source key, surrogate key, whether it vanished.
    var keys: [[[String]: (target: String?, isVanished: Bool)]]
    /// By table and kind, of the last run.
    var counts: [Int: [String: Int]]
    /// Rows of the last run that were refused, by their records.
    var refused: [Int: Int]
    var problem: String?
  }

  func content() throws -> Content {
    var script = ""
    for index in tables.indices {
      let mapped = mapped(index)
      let columns = mapped.columns.map { "\($0.name.quoted)::text" }.joined(separator: ", ")
      let mark = mapped.markColumn.map { "(\($0.quoted) IS NOT NULL)::text" } ?? "'false'"
      script +=
        "SELECT 'row', \(index), array_to_json(ARRAY[\(mark), \(columns)]) FROM \(mapped.target.quoted);\n"
      let keys =
        tables[index].key.isEmpty
        ? "" : ", " + mapped.keyMapColumns.map { "\($0.quoted)::text" }.joined(separator: ", ")
      let target = mapped.surrogate == nil ? "NULL" : "target_key::text"
      script += """
        SELECT 'key', \(index), array_to_json(ARRAY[\(target), (vanished_run IS NOT NULL)::text\(keys)])
        FROM \(mapped.keyMap.quoted);
        SELECT 'count', \(index), array_to_json(ARRAY[kind, rows::text]) FROM restage.row_count
        WHERE table_name = '\(mapped.target.quoted)' AND run_id = (SELECT id FROM restage.run ORDER BY started_at DESC LIMIT 1);
        SELECT 'refused', \(index), array_to_json(ARRAY[count(*)::text]) FROM restage.reject
        WHERE table_name = '\(mapped.target.quoted)' AND NOT is_loaded
          AND run_id = (SELECT id FROM restage.run ORDER BY started_at DESC LIMIT 1);

        """
    }
    return try parse(try postgres.psql(script))
  }

  private func parse(_ text: String) throws -> Content {
    var found = Content(
      rows: tables.map { _ in [] }, marked: tables.map { _ in [] }, keys: tables.map { _ in [:] },
      counts: [:], refused: [:])
    var rows: [(table: Int, cells: Row)] = []
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "|", maxSplits: 2).map(String.init)
      guard parts.count == 3, let table = Int(parts[1]) else { continue }
      let cells = try JSONDecoder().decode([String?].self, from: Data(parts[2].utf8))
      switch parts[0] {
      case "row": rows.append((table, cells))
      case "count":
        found.counts[table, default: [:]][cells[0] ?? ""] = cells[1].flatMap { Int($0) }
      case "refused": found.refused[table] = cells[0].flatMap { Int($0) }
      default:
        let source = keyMapRow(Array(cells.dropFirst(2)), table)
        found.keys[table][tables[table].key.isEmpty ? ["\(found.keys[table].count)"] : source] = (
          cells[0], cells[1] == "true"
        )
      }
    }
    let sources = found.keys.map { keys in
      Dictionary(
        keys.compactMap { key, value in value.target.map { ($0, key[0]) } },
        uniquingKeysWith: { $1 })
    }
    for (table, cells) in rows {
      let row = mappedBack(Array(cells.dropFirst()), table, sources, &found.problem)
      found.rows[table].append(row)
      if cells[0] == "true" { found.marked[table].append(row) }
    }
    return found
  }

  /// A row of a key map, by its key as the source compares it, in the order of the source's key.
  private func keyMapRow(_ cells: Row, _ table: Int) -> [String] {
    guard case .columns(let columns) = mapped(table).sourceKey else { return [] }
    return tables[table].key.map { column in
      let value = cells[columns.firstIndex(of: column) ?? 0] ?? ""
      return "=" + tables[table].columns[column].normal(value)
    }
  }

  private func mappedBack(
    _ cells: Row, _ table: Int, _ sources: [[String: String]], _ problem: inout String?
  ) -> Row {
    var row = zip(cells, tables[table].columns).map { cell, column in
      column.isPadded ? cell.map(NightColumn.trimmed) : cell
    }
    for (index, column) in mapped(table).columns.enumerated() {
      guard let keyTable = column.keyTable, let value = cells[index] else { continue }
      let parent = order[keyTable]
      if let source = sources[parent][value] {
        row[index] = String(source.dropFirst())
      } else {
        problem =
          "\(tables[table].name): \(column.name.name) \(value) is no key of \(tables[parent].name)"
      }
    }
    return row
  }

  /// Where every row lies, and which transaction wrote it.
  func traces() throws -> String {
    let names = tables.indices.flatMap { [mapped($0).target.quoted, mapped($0).keyMap.quoted] }
    // Nothing is there before the first night.
    let found = Set(
      try postgres.psql(
        names.map { "SELECT '\($0)' WHERE to_regclass('\($0)') IS NOT NULL;" }.joined(
          separator: "\n")
      ).split(separator: "\n").map(String.init))
    let questions = names.filter(found.contains).map {
      "SELECT '\($0)', md5(string_agg(concat_ws(' ', ctid, xmin), ',' ORDER BY ctid)) FROM \($0);"
    }
    let answers = questions.isEmpty ? "" : try postgres.psql(questions.joined(separator: "\n"))
    // Tables without rows may have been made.
    return answers.split(separator: "\n").filter { !$0.hasSuffix("|") }.joined(separator: "\n")
  }

  /// Lets every row that is written to the table fail.
  func breakTable(_ table: Int, atCommit: Bool) throws {
    let target = mapped(table).target.quoted
    try postgres.psql(
      """
      CREATE FUNCTION public.broken() RETURNS trigger LANGUAGE plpgsql
      AS 'BEGIN RAISE EXCEPTION USING ERRCODE = ''23514'', MESSAGE = ''broken on purpose''; END';
      CREATE \(atCommit ? "CONSTRAINT TRIGGER broken AFTER" : "TRIGGER broken BEFORE")
        INSERT OR UPDATE OR DELETE ON \(target) \(atCommit ? "DEFERRABLE INITIALLY DEFERRED" : "")
        FOR EACH ROW EXECUTE FUNCTION public.broken();
      """)
  }

  /// An application writes to a row.
  ///
  /// - Parameters:
  ///   - keys: Surrogate keys, by table and source key.
  ///   - values: By column.
  func edit(
    _ row: Row, of table: Int, keys: [[[String]: String]], values: [Int: String?]
  ) throws {
    let assignments = values.sorted { $0.key < $1.key }.map { column, value in
      "\(mapped(table).columns[column].name.quoted) = \(value.map(Self.quoted) ?? "NULL")"
    }
    try change(
      "UPDATE \(mapped(table).target.quoted) SET \(assignments.joined(separator: ", "))",
      row, of: table, keys)
  }

  /// An application deletes a row, which the key map still knows.
  func delete(_ row: Row, of table: Int, keys: [[[String]: String]]) throws {
    try change("DELETE FROM \(mapped(table).target.quoted)", row, of: table, keys)
  }

  private func change(
    _ statement: String, _ row: Row, of table: Int, _ keys: [[[String]: String]]
  ) throws {
    let places = tables[table].key.map { column in
      let value = row[column] ?? ""
      let key = keyTables[table][column].flatMap { parent in
        keys[parent][["=" + tables[table].columns[column].normal(value)]]
      }
      let name = mapped(table).columns[column].name.quoted
      return "\(name)::text = \(Self.quoted(key ?? value))::text"
    }
    let changed = try postgres.psql(
      """
      WITH changed AS (
        \(statement)
        WHERE \(places.joined(separator: " AND "))
        RETURNING 1
      )
      SELECT count(*) FROM changed
      """)
    guard changed == "1" else { throw NightFailure("\(changed) rows changed: \(places)") }
  }

  /// Lets the key map forget the rows of a table that are in its final table no longer.
  func forget(_ lost: Set<[String]>, of table: Int) throws {
    let names = mapped(table).keyMapColumns.map { "\($0.quoted)::text" }
    let known = try postgres.psql(
      """
      SELECT array_to_json(ARRAY[ctid::text, \(names.joined(separator: ", "))])
      FROM \(mapped(table).keyMap.quoted)
      """)
    for line in known.split(separator: "\n") {
      let cells = try JSONDecoder().decode([String?].self, from: Data(line.utf8))
      guard lost.contains(keyMapRow(Array(cells.dropFirst()), table)) else { continue }
      try postgres.psql(
        "DELETE FROM \(mapped(table).keyMap.quoted) WHERE ctid = '\(cells[0] ?? "")'")
    }
  }

  private static func quoted(_ text: String) -> String {
    "'" + text.replacingOccurrences(of: "'", with: "''") + "'"
  }

  func mendTable(_ table: Int) throws {
    try postgres.psql(
      "DROP TRIGGER broken ON \(mapped(table).target.quoted); DROP FUNCTION public.broken();")
  }
}
