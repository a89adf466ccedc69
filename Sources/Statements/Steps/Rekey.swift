// A row that the source deleted and inserted again under another key. Its natural key says that it is
// the same row, so it keeps its final row, and so do the rows that refer to it.

import Catalog

extension TableNames {
  /// Begins step 20 of a table with a natural key and new surrogate keys: key map rows whose key is
  /// staged no longer get the key under which their row is staged now. Hashes in which the old key took
  /// part are made anew where the final row is as restage wrote it: nothing has changed in the target.
  ///
  /// Rows of other tables hold the key in their foreign keys, and some in their own.
  var rekeying: String? {
    guard !mapped.naturalKey.isEmpty, let surrogate else { return nil }
    let followers = database.tables.indices.map(table).filter {
      !$0.columns(keyedBy: index).isEmpty
    }
    let parts = followers.enumerated().map { number, follower in
      "followed_\(number + 1) AS (\n  \(follower.following(self).indented(by: 2))\n)"
    }
    return """
      -- Rows that the source has under another key now. restage.reject names both keys.
      WITH refused AS MATERIALIZED (
        SELECT
          \(block: refusedKey, indent: 4)
        \(block: rejectedRows(ofRun: "(SELECT restage.run_id())", where: "NOT r.is_loaded"), indent: 2)
      ),
      candidate AS MATERIALIZED (
        \(block: rekeyCandidates(surrogate.column), indent: 2)
      ),
      ambiguous AS MATERIALIZED (
        SELECT restage.fail_natural_key(
          \(auditName),
          'final rows',
          count(*),
          \(Self.sample("c.natural_key", indent: 4))
        )
        FROM candidate AS c
        WHERE c.number = 1
          AND c.row_count > 1
        HAVING count(*) > 0
      ),
      rekeyed AS MATERIALIZED (
        SELECT
          c.old_key,
          c.new_key,
          \(Self.keyObject("c.new_key", mapped.columns[surrogate.column])) AS source_key,
          \(Self.keyObject("c.old_key", mapped.columns[surrogate.column])) AS value,
          c.row_data
        FROM candidate AS c
        WHERE c.number = 1
      ),
      \(lines: parts, indent: 0),
      recorded AS (
        \(block: rejectInsert(
          rule: "natural key", columns: [surrogate.column],
          message: "'the source had this row under another key, see value; it is the same final row'",
          isLoaded: true, from: "rekeyed"), indent: 2)
      )
      SELECT
        count(*) AS rekeyed,
        (SELECT count(*) FROM ambiguous) AS ambiguous
      FROM recorded;
      """
  }

  private static func keyObject(_ value: String, _ column: MappedColumn) -> String {
    "jsonb_build_object(\(SQLLiteral.quoted(column.sourceName)), \(value))"
  }

  /// Unseen staged rows, with the key map rows of final rows that have their natural key. Of several the
  /// one is meant that had not vanished before.
  private func rekeyCandidates(_ key: Int) -> String {
    let references = self.references.filter { mapped.naturalKey.contains($0.column) }
    let name = column(key)
    let source = keyMapColumns[0]
    let isGone = """
      NOT EXISTS (
        SELECT
        FROM \(stage) AS o
        WHERE o.\(name) = k.\(source)
      )
      """
    let isNotRefused = """
      NOT EXISTS (
        SELECT
        FROM refused AS r
        WHERE r.\(name) = k.\(source)
      )
      """
    let keyMapJoin = """
      JOIN \(keyMap) AS k
        ON k.target_key = t.\(name)
      """
    return """
      SELECT
        k.\(source) AS old_key,
        s.\(name) AS new_key,
        \(block: object(of: mapped.naturalKey, "s"), indent: 2)::text AS natural_key,
        row_to_json(s.*) AS row_data,
        row_number() OVER (PARTITION BY s.\(name) ORDER BY k.vanished_run IS NOT NULL) AS number,
        count(*) OVER (PARTITION BY s.\(name), k.vanished_run IS NOT NULL) AS row_count
      FROM \(stage) AS s
      \(lines: parentJoins(references) + [finalJoin(references), keyMapJoin], indent: 0, separator: "")
      WHERE \(all: [isUnseen, isGone, isNotRefused] + parentGuards(references), indent: 2)
      """
  }
}

// MARK: - Rows that hold the key

extension TableNames {
  /// Columns that hold the surrogate key of a table: its own key, and what follows it.
  fileprivate func columns(keyedBy parent: Int) -> [Int] {
    allColumns.filter { index in
      index == surrogate?.column
        ? parent == self.index
        : references.contains { $0.column == index && $0.parent.index == parent }
    }
  }

  /// The key map's update, over `rekeyed`.
  fileprivate func following(_ parent: TableNames) -> String {
    let columns = columns(keyedBy: parent.index)
    let aliases = Dictionary(
      uniqueKeysWithValues: columns.enumerated().map { ($1, "r\($0 + 1)") })
    let values = allColumns.map { "b.\(column($0))" }
    let newValues = allColumns.map { index in
      aliases[index].map { newKey(of: index, $0) } ?? "b.\(column(index))"
    }
    return isWholeRow
      ? followingByHash(columns, aliases, values, newValues)
      : followingByKey(columns, aliases, values, newValues)
  }

  private func newKey(of index: Int, _ alias: String) -> String {
    let type = mapped.columns[index].type
    let own = references.first { $0.column == index }
    let parentType = own.map { $0.parent.mapped.columns[$0.parentColumn].type } ?? type
    let value = parentType == type ? "\(alias).new_key" : "\(alias).new_key::\(type)"
    return "coalesce(\(value), b.\(column(index)))"
  }

  private func followingByKey(
    _ columns: [Int], _ aliases: [Int: String], _ values: [String], _ newValues: [String]
  ) -> String {
    let moved = zip(keyMapColumns, keyColumns).filter { columns.contains($1) }
    let old = keyMapColumns.enumerated().map { "k.\($1) AS old_\($0 + 1)" }
    let new = moved.enumerated().map { "\(newValues[$1.1]) AS new_\($0 + 1)" }
    let hash = """
      CASE
        WHEN k.row_hash = \(block: rowHash(of: "b", columns: values), indent: 2) THEN \
      \(block: rowHash(of: "b", columns: newValues), indent: 2)
        ELSE k.row_hash
      END AS row_hash
      """
    let assignments =
      moved.enumerated().map { "\($1.0) = n.new_\($0 + 1)" } + ["row_hash = n.row_hash"]
      + (mapped.naturalKey.isEmpty ? [] : ["matched_row = n.matched_row"])
    let located = keyMapColumns.enumerated().map { "k.\($1) = n.old_\($0 + 1)" }
    let shown =
      old + new + [hash] + (mapped.naturalKey.isEmpty ? [] : [newMatchedRow(columns, newValues)])
    return """
      UPDATE \(keyMap) AS k
      SET
        \(lines: assignments, indent: 2)
      FROM (
        SELECT
          \(lines: shown, indent: 4)
        \(block: holders(aliases, columns, ownJoins: [ownJoin] + matchedJoin), indent: 2)
      ) AS n
      WHERE \(all: located, indent: 2)
      """
  }

  private func newMatchedRow(_ columns: [Int], _ newValues: [String]) -> String {
    let keys = columns.map {
      "\(SQLLiteral.quoted(mapped.columns[$0].name.name)), \(newValues[$0])"
    }
    return """
      CASE
        WHEN k.matched_row IS NOT NULL THEN row_to_json(
          json_populate_record(
            json_populate_record(NULL::\(target), k.matched_row),
            json_build_object(\(keys.joined(separator: ", ")))
          )
        )
      END AS matched_row
      """
  }

  /// Equal rows move together, so their numbers stay.
  private func followingByHash(
    _ columns: [Int], _ aliases: [Int: String], _ values: [String], _ newValues: [String]
  ) -> String {
    """
    UPDATE \(keyMap) AS k
    SET
      \(keyMapColumns[0]) = n.new_hash,
      row_hash = n.new_hash
    FROM (
      SELECT DISTINCT
        \(block: rowHash(of: "b", columns: values), indent: 4) AS old_hash,
        \(block: rowHash(of: "b", columns: newValues), indent: 4) AS new_hash
      \(block: holders(aliases, columns, ownJoins: []), indent: 2)
    ) AS n
    WHERE k.\(keyMapColumns[0]) = n.old_hash
    """
  }

  /// Final rows that hold a key which changed, as `b` as they stood in the source. Where no key changed
  /// no table is read.
  private func holders(
    _ aliases: [Int: String], _ columns: [Int], ownJoins: [String]
  ) -> String {
    let values = allColumns.map { "\(orMatched(mappedBack($0), $0)) AS \(column($0))" }
    let keys = columns.compactMap { index in
      aliases[index].map { alias in
        """
        LEFT JOIN rekeyed AS \(alias)
          ON \(alias).old_key = b.\(column(index))
        """
      }
    }
    let isHeld = columns.compactMap { index in aliases[index].map { "\($0).old_key IS NOT NULL" } }
    return """
      FROM \(target) AS t
      \(lines: allMappedBackJoins + ownJoins, indent: 0, separator: "")
      CROSS JOIN LATERAL (
        SELECT
          \(lines: values, indent: 4)
      ) AS b
      \(lines: keys, indent: 0, separator: "")
      WHERE EXISTS (SELECT FROM rekeyed)
        AND \(isHeld.count == 1 ? isHeld[0] : "(\(isHeld.joined(separator: " OR ")))")
      """
  }
}
