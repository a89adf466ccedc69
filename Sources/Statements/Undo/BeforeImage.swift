// What a run writes over is kept by the steps that write: final rows where the mapping asks for it,
// notes and marks of vanished rows always.

import Catalog

extension TableNames {
  /// Whether step 50 keeps rows as they were before it updates them.
  var keepsBefore: Bool {
    mapped.keepBefore && mapped.onChanged == .update && !isWholeRow
      && allColumns.contains(where: isAssigned)
  }

  /// The source key as `restage.before_image` has it.
  func keyTexts(of alias: String) -> String {
    "ARRAY[\(keyMapColumns.map { "\(alias).\($0)::text" }.joined(separator: ", "))]"
  }

  /// A part of step 50, between `changed` and `updated`: rows as they are before the update. Values
  /// are kept as text, each for itself: their input functions read back exactly what the output
  /// functions printed, -0 and the zeros of a numeric included, and columns that an application adds
  /// to the table later do not matter.
  ///
  /// - Parameters:
  ///   - joins: Join the key map and the parents' key maps to `c`.
  ///   - written: Find the final row `t`, if it is to be written.
  func beforeImages(joins: [String], written: [String]) -> String {
    let names = allColumns.map { mapped.columns[$0].name } + mapped.added.map(\.name)
    return """
      imaged AS (
        INSERT INTO restage.before_image (
          run_id,
          table_name,
          operation,
          source_key,
          target_key,
          column_names,
          row_values,
          row_hash,
          last_run\(mapped.naturalKey.isEmpty ? "" : ",\n    matched_row")
        )
        SELECT
          (SELECT restage.run_id()),
          \(auditName),
          'updated',
          \(keyTexts(of: "k")),
          \(targetKeyColumn == nil ? "NULL" : "k.target_key::text"),
          ARRAY[
            \(lines: names.map { SQLLiteral.quoted($0.name) }, indent: 6)
          ],
          ARRAY[
            \(lines: names.map { "t.\($0.quoted)::text" }, indent: 6)
          ],
          restage.hash_image(k.row_hash),
          k.last_run\(mapped.naturalKey.isEmpty ? "" : ",\n    k.matched_row")
        FROM changed AS c
        \(lines: joins, indent: 2, separator: "")
        JOIN \(target) AS t
          ON \(all: written, indent: 4)
      )
      """
  }

  /// A part of step 60, behind `back`: the notes of vanished rows that it clears.
  var imagesOfNotes: String {
    images("returned", of: "vanished_run", from: "back AS b", keyTexts(of: "b"))
  }

  /// A part of step 60, behind `changed`: what the mark column held.
  var imagesOfMarks: String {
    images("marked", of: "marked_at", from: "changed AS b", "b.source_key")
  }

  private func images(
    _ operation: String, of column: String, from rows: String, _ sourceKey: String
  ) -> String {
    """
    imaged AS (
      INSERT INTO restage.before_image (
        run_id,
        table_name,
        operation,
        source_key,
        \(column)
      )
      SELECT
        (SELECT restage.run_id()),
        \(auditName),
        '\(operation)',
        \(sourceKey),
        b.\(column)
      FROM \(rows)
    )
    """
  }
}
