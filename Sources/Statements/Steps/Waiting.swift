// Foreign keys that cannot wait. Those that restage makes within a cycle are deferrable; those of a
// target that was there before may not be.

import Catalog

extension TableNames {
  /// Foreign keys that lead to a table whose rows are inserted later, which happens in a cycle alone.
  var lateForeignKeys: [MappedForeignKey] {
    mapped.foreignKeys.filter { $0.parent > index && !$0.isDisabled }
  }

  /// Columns that can be left empty until the parents' rows are there: of each late foreign key those
  /// that may be NULL and that no key needs.
  var waitingColumns: [Int] {
    let columns = Set(lateForeignKeys.flatMap(\.columns))
    return columns.filter { mapped.columns[$0].isNullable && !keyColumns.contains($0) }.sorted()
  }

  /// A part of step 40 and 50: those of these columns whose foreign key the target checks at once.
  /// What a foreign key is called there does not matter.
  var waiting: String {
    guard !waitingColumns.isEmpty else { return "" }
    let parents = Set(lateForeignKeys.map(\.parent)).sorted().map {
      "\(table($0).auditName)::regclass"
    }
    return """
      waiting AS MATERIALIZED (
        -- Columns whose foreign key the target checks at once: empty in step 40, filled in step 50.
        SELECT a.attname AS column_name
        FROM pg_catalog.pg_constraint AS c
        JOIN pg_catalog.pg_attribute AS a
          ON a.attrelid = c.conrelid
          AND a.attnum = ANY (c.conkey)
        WHERE c.contype = 'f'
          AND NOT c.condeferrable
          AND c.conrelid = \(auditName)::regclass
          AND c.confrelid IN (\(parents.joined(separator: ", ")))
      )
      """
  }

  /// What stands in step 40 for a column that may have to wait.
  func waitingValue(of index: Int, _ value: String) -> String {
    guard waitingColumns.contains(index) else { return value }
    return "CASE WHEN \(literal(index)) NOT IN (\(Self.waitingNames)) THEN \(value) END"
  }

  private static let waitingNames = "SELECT w.column_name FROM waiting AS w"

  private func literal(_ index: Int) -> String {
    SQLLiteral.quoted(mapped.columns[index].name.name)
  }

  /// Begins step 50: what was left empty is filled in. Where nothing had to wait nothing is read.
  var filling: String {
    // A row that is its own key refers to nothing that refers back to it.
    guard !isWholeRow else { return "" }
    let columns = waitingColumns
    guard !columns.isEmpty else { return "" }
    let references = self.references.filter {
      columns.contains($0.column) || keyColumns.contains($0.column)
    }
    let values = columns.map { ($0, targetValue(of: $0, references: references)) }
    let assignments = values.map { index, value in
      """
      \(column(index)) = CASE
        WHEN \(literal(index)) IN (\(Self.waitingNames)) THEN \(value)
        ELSE t.\(column(index))
      END
      """
    }
    let isLeft = values.map { index, value in
      "(t.\(column(index)) IS NULL AND \(value) IS NOT NULL)"
    }
    let keyMapJoin = """
      JOIN \(keyMap) AS k
        ON \(all: keyJoin(), indent: 2)
      """
    let located =
      targetKeyColumn.map { ["t.\(column($0)) = k.target_key"] }
      ?? keyColumns.map { "t.\(column($0)) = \(targetValue(of: $0, references: references))" }
    return """
      WITH \(waiting),
      filled AS (
        UPDATE \(target) AS t
        SET
          \(lines: assignments, indent: 4)
        FROM \(stage) AS s
        \(lines: [keyMapJoin] + parentJoins(references), indent: 2, separator: "")
        WHERE EXISTS (SELECT FROM waiting)
          AND k.first_run = (SELECT restage.run_id())
          AND k.matched_run IS NULL
          AND \(all: located, indent: 4)
          AND \(isLeft.count == 1 ? String(isLeft[0].dropFirst().dropLast()) : "(\(isLeft.joined(separator: " OR ")))")
        RETURNING 1
      )
      SELECT count(*) AS filled
      FROM filled;


      """
  }

  /// A part of a rollback, before rows go: what could not wait when they came must not keep them.
  var emptying: String? {
    let columns = isWholeRow ? [] : waitingColumns
    guard !columns.isEmpty else { return nil }
    let assignments = columns.map { index in
      "\(column(index)) = CASE WHEN \(literal(index)) NOT IN (\(Self.waitingNames)) "
        + "THEN t.\(column(index)) END"
    }
    return """
      WITH \(waiting),
      emptied AS (
        UPDATE \(target) AS t
        SET
          \(lines: assignments, indent: 4)
        FROM pg_temp.restage_undo AS u
        WHERE EXISTS (SELECT FROM waiting)
          AND u.is_new
          AND u.relation = \(auditName)::regclass
          AND t.tableoid = u.part
          AND t.ctid = u.row_id
        RETURNING
          u.part,
          u.row_id,
          t.ctid AS new_row_id
      )
      UPDATE pg_temp.restage_undo AS u
      SET row_id = e.new_row_id
      FROM emptied AS e
      WHERE u.part = e.part
        AND u.row_id = e.row_id;
      """
  }
}
