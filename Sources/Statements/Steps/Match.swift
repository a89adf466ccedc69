import Catalog

extension TableNames {
  /// Step 20: an unseen row whose natural key stands on a final row that no key map of this source
  /// knows is that row. It enters the key map with the key that it has, and nothing is inserted for it.
  ///
  /// The final row stays as it is. The source's row is remembered beside the key, for the proof, until
  /// a later change in the source is written to the final row. A row that this source knew under another
  /// key is its old final row.
  func matchFile() -> SQLFile {
    SQLFile(
      .match, of: self,
      purpose: mapped.naturalKey.isEmpty
        ? "nothing: the mapping names no natural_key"
        : "recognise unseen rows that are in the target already by their natural key",
      body: mapped.naturalKey.isEmpty ? "SELECT 0::bigint AS rows;" : matchBody)
  }

  private var matchBody: String {
    let hasTarget = targetKeyColumn != nil
    let targets =
      keyMapColumns + (hasTarget ? ["target_key"] : [])
      + ["row_hash", "first_run", "last_run", "matched_run", "matched_row"]
    let values =
      keyColumns.map { "c.\(column($0))" } + (hasTarget ? ["c.\(targetKeyName)"] : [])
      + ["c.\(hashName)"] + Array(repeating: "(SELECT restage.run_id())", count: 3)
      + ["c.\(rowDataName)"]
    return """
      \(Settings.text)

      \(Settings.withoutNestedLoops)

      \(rekeying.map { $0 + "\n\n" } ?? "")WITH candidate AS MATERIALIZED (
        \(block: candidates, indent: 2)
      ),
      ambiguous AS MATERIALIZED (
        SELECT restage.fail_natural_key(
          \(auditName),
          'final rows',
          count(*),
          \(Self.sample("c.\(valueName)", indent: 4))
        )
        FROM candidate AS c
        WHERE c.\(countName) > 1
        HAVING count(*) > 0
      ),
      matched AS (
        INSERT INTO \(keyMap) (
          \(lines: targets, indent: 4)
        )
        SELECT
          \(lines: values, indent: 4)
        FROM candidate AS c
        WHERE c.\(countName) = 1
        RETURNING 1
      )
      SELECT
        count(*) AS rows,
        (SELECT count(*) FROM ambiguous) AS ambiguous
      FROM matched;

      \(Settings.withNestedLoops)
      """
  }

  private var countName: String { unused("row_count") }
  private var valueName: String { unused("value") }
  private var targetKeyName: String { unused("target_key") }
  private var rowDataName: String { unused("row_data") }

  /// Unseen staged rows with a final row that has their natural key.
  private var candidates: String {
    let references = self.references.filter { mapped.naturalKey.contains($0.column) }
    let keys = keyColumns.map { "s.\(column($0))" }
    let shown =
      keys + [targetKeyColumn.map { "t.\(column($0)) AS \(targetKeyName)" }].compactMap { $0 }
      + [
        "\(rowHash(of: "s")) AS \(hashName)",
        "row_to_json(s.*) AS \(rowDataName)",
        "\(object(of: mapped.naturalKey, "s"))::text AS \(valueName)",
        "count(*) OVER (PARTITION BY \(keys.joined(separator: ", "))) AS \(countName)",
      ]
    return """
      SELECT
        \(lines: shown, indent: 2)
      FROM \(stage) AS s
      \(lines: parentJoins(references) + [finalJoin(references)], indent: 0, separator: "")
      WHERE \(all: unseenAndUnknown + parentGuards(references), indent: 2)
      """
  }

  func finalJoin(_ references: [KeyReference]) -> String {
    let pairs = mapped.naturalKey.map { index in
      let staged = targetValue(of: index, references: references)
      return naturalEquality(index, "t.\(column(index))", staged)
    }
    return """
      JOIN \(target) AS t
        ON \(all: pairs, indent: 2)
      """
  }

  /// No key map row has the staged row's key.
  var isUnseen: String {
    """
    NOT EXISTS (
      SELECT
      FROM \(keyMap) AS k
      WHERE \(all: keyJoin(), indent: 4)
    )
    """
  }

  private var unseenAndUnknown: [String] {
    let known = targetKeyColumn.map { ["k.target_key = t.\(column($0))"] }
    guard let known else { return [isUnseen] }
    return [
      isUnseen,
      """
      NOT EXISTS (
        SELECT
        FROM \(keyMap) AS k
        WHERE \(all: known, indent: 4)
      )
      """,
    ]
  }

  /// Equal as SQL Server has it: without trailing blanks, under the column's collation, and NULL is
  /// equal to NULL.
  private func naturalEquality(_ index: Int, _ left: String, _ right: String) -> String {
    let collation = mapped.columns[index].collation.map { " COLLATE \($0.quoted)" } ?? ""
    let (left, right) = (comparable(left, index) + collation, comparable(right, index))
    return mapped.columns[index].isNullable ? Self.nullsAlike(left, right) : "\(left) = \(right)"
  }

  private func comparable(_ value: String, _ index: Int) -> String {
    mapped.columns[index].sourceType.isText ? "rtrim(\(value))" : value
  }

  /// Up to ten values.
  static func sample(_ value: String, indent: Int) -> String {
    "array_to_string((array_agg(DISTINCT \(value)))[1:10], ', ')"
  }
}

// MARK: - The source's side

extension TableNames {
  /// Step 15: the natural key stands on one staged row each.
  var naturalKeyCheck: String? {
    guard !mapped.naturalKey.isEmpty else { return nil }
    let value = object(of: mapped.naturalKey, "s")
    return """
      -- Each value of the natural key stands on one row.
      SELECT restage.fail_natural_key(
        \(auditName),
        'staged rows',
        count(*),
        \(Self.sample("r.value", indent: 2))
      )
      FROM (
        SELECT min(\(block: value, indent: 4)::text) AS value
        FROM \(stage) AS s
        GROUP BY
          \(lines: mapped.naturalKey.map { comparable("s.\(column($0))", $0) }, indent: 4)
        HAVING count(*) > 1
      ) AS r
      HAVING count(*) > 0;
      """
  }

  /// Counts the matched rows that are still staged: step 35 may have refused some.
  var matchedCount: String? {
    guard !mapped.naturalKey.isEmpty else { return nil }
    return """
      SELECT restage.count_rows(\(auditName), 'matched', count(*)) AS matched
      FROM \(stage) AS s
      JOIN \(keyMap) AS k
        ON \(all: keyJoin(), indent: 2)
      WHERE k.matched_run = (SELECT restage.run_id())
        AND k.first_run = k.matched_run
        AND \(block: notYet("matched"), indent: 2);
      """
  }
}
