import Catalog

extension TableNames {
  /// Step 50: rows that changed in the source since they were loaded. Only they are touched; a row
  /// whose hash is as the key map remembers it is not written again.
  ///
  /// The step goes through the tables in reverse order. Where a value changes in parent and child, the
  /// child has the new one by then, and an ON UPDATE action of the foreign key finds nothing to do.
  func updateFile() -> SQLFile {
    if isWholeRow {
      return emptyUpdate("nothing: without a key a changed row is an unseen row")
    }
    switch mapped.onChanged {
    case .ignore: return emptyUpdate("nothing: the mapping says on_changed: ignore")
    case .report:
      return SQLFile(
        .update, of: self, purpose: "count the rows that changed in the source",
        body: """
          \(Settings.text)

          \(joinSettings)

          \(filling)SELECT restage.count_rows(\(auditName), 'changed', count(*)) AS rows
          \(changedSource)
          WHERE \(all: isChanged + [notYet("changed")], indent: 2);

          \(Settings.withDefaults)
          """)
    case .update:
      return SQLFile(
        .update, of: self, purpose: "carry over the rows that changed in the source",
        body: updateBody)
    }
  }

  private func emptyUpdate(_ purpose: String) -> SQLFile {
    SQLFile(.update, of: self, purpose: purpose, body: filling + "SELECT 0::bigint AS rows;")
  }

  private var changedSource: String {
    """
    FROM \(stage) AS s
    JOIN \(keyMap) AS k
      ON \(all: keyJoin(), indent: 2)
    """
  }

  /// Rows of this very run are as they were staged; their hash need not be computed again.
  ///
  /// Where all rows came with one run, the planner takes `<>` for no row at all, and would put the key
  /// map into the hash table and not the few rows that are staged. Of NOT IN it expects one half.
  private var isChanged: [String] {
    [
      "NOT (SELECT restage.is_all_new(\(auditName)))",
      "k.first_run NOT IN (SELECT restage.run_id())",
      "k.row_hash <> \(rowHash(of: "s"))",
    ]
  }

  private var updateBody: String {
    let references = self.references
    let assigned = allColumns.filter(isAssigned)
    let joins =
      [
        """
        JOIN \(keyMap) AS k
          ON \(all: keyJoin("k", "c"), indent: 2)
        """
      ] + parentJoins(references, staged: "c")
    guard !assigned.isEmpty else { return filling + "SELECT 0::bigint AS rows;" }
    let values =
      assigned.map {
        "\(column($0)) = \(targetValue(of: $0, references: references, staged: "c"))"
      } + addedColumns.map { "\($0) = c.\($0)" }
    let written =
      located(references) + parentGuards(references, staged: "c") + leftAlone("k")
    return """
      \(Settings.text)

      \(joinSettings)

      \(deferral)\(filling)WITH changed AS MATERIALIZED (
        -- Known rows whose hash is another than when they were loaded last.
        SELECT
          \(lines: (allColumns.map(column) + addedColumns).map { "s.\($0)" }, indent: 4),
          \(block: rowHash(of: "s"), indent: 4) AS \(hashName)
        \(block: changedSource, indent: 2)
        WHERE \(all: isChanged + (mapped.onConflict == .keep ? [notYet("kept")] : []), indent: 4)
      ),
      \(failuresOfChanged.map { $0.query + ",\n" }.joined())\(editedRows),
      \(keepsBefore ? beforeImages(joins: joins, written: written) + ",\n" : "")updated AS (
        UPDATE \(target) AS t
        SET
          \(lines: values, indent: 4)
        FROM changed AS c
        \(lines: joins, indent: 2, separator: "")
        WHERE \(all: written, indent: 4)
        RETURNING 1
      ),
      remembered AS (
        UPDATE \(keyMap) AS k
        SET
          row_hash = c.\(hashName),
          last_run = (SELECT restage.run_id())\(spelling)\(mapped.naturalKey.isEmpty ? "" : ",\n    matched_row = NULL")
        FROM changed AS c
        WHERE \(all: keyJoin("k", "c") + leftAlone("k"), indent: 4)
      )
      SELECT
        restage.count_rows(\(auditName), 'updated', count(*)) AS rows,
        \(lines: failuresOfChanged.map { "(SELECT count(*) FROM \($0.name)) AS \($0.name)" } + [editedCount], indent: 2)
      FROM updated;

      \(Settings.withDefaults)
      """
  }

  /// Where the final row of a changed row is.
  private func located(_ references: [KeyReference]) -> [String] {
    if let foundByTargetKey { return ["t.\(column(foundByTargetKey)) = k.target_key"] }
    return keyColumns.map {
      sameText(
        "t.\(column($0))", targetValue(of: $0, references: references, staged: "c"), of: $0)
    }
  }

  /// The key of a row never changes. Its spelling can: in trailing blanks, and in case where the
  /// collation ignores it.
  func isAssigned(_ index: Int) -> Bool {
    guard keyColumns.contains(index) else { return true }
    return index != surrogate?.column
      && (mapped.columns[index].collation != nil || isSpelled(index))
      && !references.contains { $0.column == index }
  }

  private var spelling: String {
    guard surrogate == nil, let targetKeyColumn, isSpelled(targetKeyColumn) else { return "" }
    return ",\n    target_key = c.\(column(targetKeyColumn))"
  }
}

// MARK: - Rows that were edited in the target

extension TableNames {
  /// Final rows of changed rows that are not as restage wrote them, whole, and what becomes of them:
  /// what hashes otherwise, with its keys mapped back, than what was staged when it was written. A row
  /// that is as the source has it now is in nobody's way.
  private var editedRows: String {
    let found = """
      edited AS MATERIALIZED (
        -- Their final rows that somebody edited: with keys mapped back, the hash is neither the key map's
        -- nor that of the staged row.
        SELECT
          \(lines: keyMapColumns.map { "k.\($0)" }, indent: 4),
          row_to_json(t.*) AS row_data
        FROM \(target) AS t
        \(lines: allMappedBackJoins + [ownJoin, changedJoin], indent: 2, separator: "")
        WHERE \(block: rowHash(of: "t", columns: allColumns.map { compared($0) }), indent: 4) \
      NOT IN (k.row_hash, c.\(hashName))
      )
      """
    switch mapped.onConflict {
    case .overwrite: return found + ",\n" + noted("overwritten")
    case .keep: return found + ",\n" + noted("kept")
    case .fail: return found + ",\n" + refused
    }
  }

  private var changedJoin: String {
    """
    JOIN changed AS c
      ON \(all: keyJoin("k", "c"), indent: 2)
    """
  }

  private func noted(_ action: String) -> String {
    """
    noted AS (
      \(block: displacedInsert(reason: "edited", action: action, from: "edited"), indent: 2)
    )
    """
  }

  private var refused: String {
    let key = keyMapColumns.enumerated().map { place, name in
      "\(SQLLiteral.quoted(mapped.columns[keyColumns[place]].sourceName)), e.\(name)"
    }
    return """
      noted AS MATERIALIZED (
        SELECT restage.fail_edited(
          \(auditName),
          count(*),
          min(jsonb_build_object(\(key.joined(separator: ", ")))::text)
        )
        FROM edited AS e
        HAVING count(*) > 0
      )
      """
  }

  private var editedCount: String {
    switch mapped.onConflict {
    case .overwrite: editedCount(of: "overwritten")
    case .keep: editedCount(of: "kept")
    case .fail: "(SELECT count(*) FROM noted) AS edited"
    }
  }

  private func editedCount(of kind: String) -> String {
    "restage.count_rows(\(auditName), '\(kind)', (SELECT count(*) FROM noted)) AS \(kind)"
  }

  /// `on_conflict: keep` writes neither the final row nor its hash.
  private func leftAlone(_ keyMapAlias: String) -> [String] {
    guard mapped.onConflict == .keep else { return [] }
    return [
      """
      NOT EXISTS (
        SELECT
        FROM edited AS e
        WHERE \(all: keyMapColumns.map { "e.\($0) = \(keyMapAlias).\($0)" }, indent: 4)
      )
      """
    ]
  }
}
