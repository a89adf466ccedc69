import Catalog

extension TableNames {
  /// Step 30: every unseen row gets its place in the key map, and with it its new surrogate key.
  /// Sequence values are drawn for unseen rows alone: a run that finds nothing new burns none.
  ///
  /// A row that is rejected for want of a parent gets none either, so that a row which is refused
  /// every night leaves no trace every night. Where tables refer to each other in a ring, a refused
  /// row takes others with it, and where children find a row by another value than its key they look
  /// for it among the staged rows: such rows are refused before keys are given.
  func allocateFile() -> SQLFile {
    let hasTarget = targetKeyColumn != nil
    let targets =
      keyMapColumns + (hasTarget ? ["target_key"] : []) + ["row_hash", "first_run", "last_run"]
      + (chunkName == nil ? [] : ["chunk"])
    let values =
      joinColumns.map { "s.\($0)" } + (hasTarget ? [targetKeyValue] : [])
      + ["s.\(hashName)", "(SELECT restage.run_id())", "(SELECT restage.run_id())"]
      + stagedChunk
    let allocation = """
      \(orphans)INSERT INTO \(keyMap) (
        \(lines: targets, indent: 2)
      )
      SELECT
        \(lines: values, indent: 2)
      FROM (
        \(block: unseenRows, indent: 2)
      ) AS s\(targetKeyJoin)
      """
    return SQLFile(
      .allocate, of: self,
      purpose: surrogate == nil
        ? "remember every unseen row in the key map"
        : "give every unseen row one new surrogate key",
      body: """
        \(Settings.text)

        \(absentParents)\(earlyRefusals.map { $0 + "\n\n" } ?? "")\(joinSettings)

        \(counting("allocated", allocation))

        \(Settings.withDefaults)

        \(keysAndStatistics)

        \(isKeyRespelled ? "" : keySpelling.map { $0 + "\n\n" } ?? "")\(counted("allocated"))
        """)
  }

  private var targetKeyValue: String {
    switch surrogate?.generator {
    case .sequence:
      let sequence = surrogate.flatMap { mapped.columns[$0.column].identity?.sequence }
      guard let sequence else {
        preconditionFailure("a surrogate key from a sequence needs an identity column")
      }
      return "nextval(\(SQLLiteral.quoted(sequence.quoted)))"
    case .uuid: return "gen_random_uuid()"
    case nil: return targetKeyReference.map { "\($0.alias).target_key" } ?? "s.\(joinColumns[0])"
    }
  }

  /// The reference through which a key that is a foreign key too gets its value.
  private var targetKeyReference: KeyReference? {
    guard surrogate == nil, let targetKeyColumn else { return nil }
    return references.first { $0.column == targetKeyColumn }
  }

  private var targetKeyJoin: String {
    targetKeyReference.map { "\n  " + parentJoins([$0])[0].indented(by: 2) } ?? ""
  }

  private var stagedChunk: [String] { chunkName.map { ["s.\($0)"] } ?? [] }

  /// Staged rows whose key is in no key map row, in key order, with their hash.
  private var unseenRows: String {
    let order = joinColumns.map { "s.\($0)" }
    guard !isWholeRow else {
      return """
        SELECT
          \(lines: order, indent: 2)
        FROM \(stagedRows(where: notOrphaned))
        WHERE \(block: isUnseen, indent: 2)
        ORDER BY
          \(lines: order, indent: 2)
        """
    }
    return """
      SELECT
        \(lines: order + ["\(rowHash(of: "s")) AS \(hashName)"] + stagedChunk, indent: 2)
      FROM \(stage) AS s
      WHERE \(all: [isUnseen] + notOrphaned, indent: 2)
      ORDER BY
        \(lines: order, indent: 2)
      """
  }

  /// Keys of the key map, the first time: made when the rows are in they cost a quarter. Statistics,
  /// when the step made the key map more than a tenth larger.
  private var keysAndStatistics: String {
    let keys =
      ["ADD PRIMARY KEY (\(keyMapColumns.joined(separator: ", ")))"]
      + (targetKeyColumn == nil ? [] : ["ADD UNIQUE (target_key)"])
    let body = """
      BEGIN
        IF NOT EXISTS (
          SELECT
          FROM pg_catalog.pg_index AS i
          WHERE i.indrelid = \(SQLLiteral.quoted(keyMap))::regclass
        ) THEN
          ALTER TABLE \(keyMap)
            \(lines: keys, indent: 6);
        END IF;

        IF EXISTS (
          SELECT
          FROM restage.row_count AS c
          JOIN pg_catalog.pg_class AS r
            ON r.oid = \(SQLLiteral.quoted(keyMap))::regclass
          WHERE c.run_id = restage.run_id()
            AND c.table_name = \(auditName)
            AND c.kind = 'allocated'
            AND c.rows * 10 > r.reltuples
            AND c.rows > 0
        ) THEN
          ANALYZE \(keyMap);
        END IF;
      END
      """
    return """
      -- The key map's keys, the first time; its statistics, when it grew by more than a tenth.
      \(body.asDoStatement)
      """
  }
}

// MARK: - Rows that step 35 will refuse

extension TableNames {
  private var rejectTests: [OrphanTest] {
    refusesEarly ? [] : orphanTests.filter { $0.policy == .reject }
  }

  private var notOrphaned: [String] {
    guard !rejectTests.isEmpty else { return [] }
    return [
      """
      NOT EXISTS (
        SELECT
        FROM orphan AS o
        WHERE o.row_id = s.ctid
      )
      """
    ]
  }

  /// Keys of the parents are all given by now, so that a row without its parent is known as such.
  private var orphans: String {
    let parts = rejectTests.map { test in
      """
      SELECT s.ctid AS row_id
      FROM \(stage) AS s
      WHERE \(all: test.conditions, indent: 2)
      """
    }
    guard !parts.isEmpty else { return "" }
    return """
      WITH orphan AS (
        \(block: parts.joined(separator: "\nUNION ALL\n"), indent: 2)
      )

      """
  }
}
