// A small source that is loaded night after night by the real loader, under a mapping.

import Catalog
import Foundation
import Logging
import Pipeline
import Report
import Staging
import TestSupport
import Translation

/// A target and the tables that are loaded into it.
struct Nights {
  let postgres: TestPostgres
  private let tables: [Table]
  private let mapping: Mapping

  /// - Parameter mapping: YAML.
  init(_ tables: [Table], mapping: String = "") throws {
    self.tables = tables
    self.mapping = try Mapping(yaml: mapping)
    postgres = try TestPostgres()
  }

  /// Exports the rows of one night, loads them, and proves them unless told otherwise.
  ///
  /// - Parameter rows: By the table's name in the source; a table that is not named has no rows.
  /// - Returns: What was counted: "item: 2 inserted, 1 updated"; and what the proof says.
  func load(
    _ rows: [String: Rows], options: Load.Options = Load.Options(), mapping: String? = nil
  ) async throws -> (counts: String, verification: Verification) {
    let folder = try SnapshotFolder()
    let snapshot = try folder.write(
      tables.map { ($0.name.name, rows[$0.name.name] ?? []) }, of: tables)
    let plan = try Plan(
      snapshot.database, mapping: try mapping.map { try Mapping(yaml: $0) } ?? self.mapping)
    _ = try await Load(
      snapshot: snapshot, plan: plan, target: postgres.uri, options: options,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ).run()
    let verifier = Verifier(snapshot: snapshot, database: plan.database, level: .content)
    let verification = try await verifier.run(target: postgres.uri, connectionCount: 2)
    return (try counts, verification)
  }

  /// What the last run counted.
  private var counts: String {
    get throws {
      try postgres.psql(
        """
        SELECT string_agg(t.text, '; ' ORDER BY t.table_name)
        FROM (
          SELECT c.table_name, replace(c.table_name, 'public.', '') || ': '
            || string_agg(c.rows || ' ' || c.kind, ', ' ORDER BY c.kind) AS text
          FROM restage.row_count AS c
          WHERE c.run_id = (SELECT r.id FROM restage.run AS r ORDER BY r.started_at DESC LIMIT 1)
            AND c.rows > 0 AND c.kind <> 'allocated'
          GROUP BY c.table_name
        ) AS t
        """)
    }
  }
}

extension Table {
  /// A table of tests: the first column is an identity and the primary key, the others are texts
  /// that may be NULL, or whole numbers where the name ends in ID.
  static func numbered(
    _ name: String, _ columns: String..., unique: [[String]] = [], indexes: [Index] = [],
    parents: [(column: String, table: String)] = []
  ) -> Table {
    Table(
      name: ObjectName("dbo", name),
      columns: columns.enumerated().map { place, column in
        let isNumber = place == 0 || column.hasSuffix("ID")
        return Column(
          id: place + 1, name: column,
          type: isNumber ? ColumnType(.int) : ColumnType(.nvarchar, length: 40),
          isNullable: place > 0,
          identity: place == 0 ? Identity(seed: 1, increment: 1, lastValue: nil) : nil)
      },
      primaryKey: Key(name: "PK_\(name)", isClustered: true, columns: [KeyColumn(columns[0])]),
      uniqueConstraints: unique.map { names in
        Key(
          name: "UQ_\(name)_\(names.joined())", isClustered: false,
          columns: names.map { KeyColumn($0) })
      },
      indexes: indexes,
      foreignKeys: parents.map { column, parent in
        ForeignKey(
          name: "FK_\(name)_\(column)", columns: [column], parent: ObjectName("dbo", parent),
          parentColumns: ["\(parent)ID"])
      })
  }
}
