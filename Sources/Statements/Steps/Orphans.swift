import Catalog

extension TableNames {
  /// Step 35: rows whose parent is in no key map, foreign key by foreign key, as its policy says.
  /// Rejects first, then what fails the run, then what is loaded with its parent's spelling or NULL.
  /// What fails the run and what step 40 joins anyway is looked at there.
  /// Keys are spelled before the rows of the same table that refer to them.
  func orphansFile() -> SQLFile {
    let tests = orphanTests
    let refusals = refusesEarly ? [] : self.refusals
    let failures = tests.filter { $0.policy == .fail && !isCheckedAfterInsert($0) }.map {
      failure($0)
    }
    let spelled = tests.filter { !$0.respelled.isEmpty }
    let keys = Set(keyColumns)
    let respelled = spelled.filter { keys.isDisjoint(with: $0.respelled) }.map(respelling)
    let nulled = tests.filter { $0.policy == .null }.map(isWholeRow ? noteOfNulled : nulling)
    let hashes = isWholeRow || !nulled.isEmpty || !spelled.isEmpty || !spellingRing.isEmpty
    let settings = !tests.isEmpty && hashes ? [Settings.text] : []
    return SQLFile(
      .orphans, of: self,
      purpose: tests.isEmpty
        ? "no foreign key to check"
        : tests.allSatisfy(isCheckedAfterInsert)
          ? "no row to be rejected or loaded without its parent: step 40 checks all foreign keys"
          : "find rows whose parent is in no key map",
      body: (settings + refusals + failures + keySpellings + respelled + nulled
        + [orphanCount]).joined(separator: "\n\n"))
  }

  private var orphanCount: String {
    """
    SELECT count(*) AS rows
    FROM restage.reject AS r
    WHERE r.run_id = restage.run_id()
      AND r.table_name = \(auditName)
      AND r.rule LIKE 'foreign key %';
    """
  }

  private func title(_ test: OrphanTest) -> String {
    "-- \(comment: test.name): on_orphan: \(test.policy.rawValue)"
  }

  /// Whether a row that fails the test stops the run, and step 40 leaves it out, since it joins the same
  /// key map: as long as it inserts every staged row, none fails.
  private func isCheckedAfterInsert(_ test: OrphanTest) -> Bool {
    guard test.policy == .fail, test.columns.count == 1, let column = test.columns.first,
      !waitingColumns.contains(column)
    else { return false }
    return references.contains { $0.column == column && $0.parent.index == test.parent.index }
  }

  /// The end of step 40: foreign keys whose orphans fail the run, looked at unless all rows are in. Where
  /// changed rows are carried over, step 50 looks at those; the parents of others are there since they
  /// were loaded.
  var failuresAfterInsert: String? {
    let tests = orphanTests.filter(isCheckedAfterInsert)
    guard !tests.isEmpty else { return nil }
    let isIncomplete =
      failuresOfChanged.isEmpty
      ? """
      NOT EXISTS (
        -- Where every staged row was inserted, each had its parents.
        SELECT
        FROM restage.staged AS g
        JOIN restage.row_count AS c
          ON c.run_id = g.run_id
          AND c.table_name = g.table_name
        WHERE g.run_id = (SELECT restage.run_id())
          AND g.table_name = \(auditName)
          AND c.kind = 'inserted'
          AND c.rows = g.staged_rows
      )
      """
      : """
      NOT EXISTS (
        -- Where every row that got a key was inserted, each had its parents.
        SELECT
        FROM restage.row_count AS a
        JOIN restage.row_count AS c
          ON c.run_id = a.run_id
          AND c.table_name = a.table_name
        WHERE a.run_id = (SELECT restage.run_id())
          AND a.table_name = \(auditName)
          AND a.kind = 'allocated'
          AND c.kind = 'inserted'
          AND c.rows = a.rows
      )
      """
    return tests.map { failure($0, where: [isIncomplete]) }.joined(separator: "\n\n")
  }

  /// Parts of step 50, behind `changed`: rows that changed and whose parent is in no key map.
  var failuresOfChanged: [(name: String, query: String)] {
    guard !isWholeRow, mapped.onChanged == .update, allColumns.contains(where: isAssigned) else {
      return []
    }
    return orphanTests.filter(isCheckedAfterInsert).enumerated().map { number, test in
      let name = "orphaned_\(number + 1)"
      return (
        name,
        """
        \(name) AS MATERIALIZED (
          \(block: failing(test, among: "changed"), indent: 2)
        )
        """
      )
    }
  }

  private func failure(_ test: OrphanTest, where others: [String] = []) -> String {
    failing(test, among: stage, where: others) + ";"
  }

  private func failing(
    _ test: OrphanTest, among rows: String, where others: [String] = []
  ) -> String {
    // Which row, and what it refers to.
    let shown =
      (isWholeRow ? [] : keyColumns.filter { !test.columns.contains($0) }) + test.columns
    return """
      \(title(test))
      SELECT restage.fail_orphans(
        \(auditName),
        \(SQLLiteral.quoted(test.name)),
        count(*),
        min(\(block: object(of: shown, "s"), indent: 2)::text)
      )
      FROM \(rows) AS s
      WHERE \(all: test.conditions + others, indent: 2)
      HAVING count(*) > 0
      """
  }
}

// MARK: - Reject

extension TableNames {
  /// Whether orphans are refused in step 30, before keys are given: in a ring, and where children find
  /// the rows by other values than their key. These look among the staged rows, and a row that is to be
  /// refused must be gone from there. So it must where all keys of a ring are spelled at once.
  var refusesEarly: Bool {
    !ring.isEmpty || !spellingRing.isEmpty
      || foreignKeysByValue.contains { $0.onOrphan == .reject }
  }

  /// Whether children find the rows by other values than their key.
  var isFoundByValue: Bool { !foreignKeysByValue.isEmpty }

  private var foreignKeysByValue: [MappedForeignKey] {
    database.tables.indices.flatMap { child in
      database.tables[child].foreignKeys.filter {
        $0.parent == index && !$0.isDisabled && !table(child).leadsToSourceKey($0)
      }
    }
  }

  private var refusals: [String] {
    orphanTests.filter { $0.policy == .reject }.map(refusal)
  }

  /// Begins step 30.
  var earlyRefusals: String? {
    guard refusesEarly else { return nil }
    let texts = ring.isEmpty ? refusals : [ringRefusals].compactMap(\.self)
    return texts.isEmpty ? nil : texts.joined(separator: "\n\n")
  }

  private func refusal(_ test: OrphanTest) -> String {
    """
    \(title(test))
    \(Settings.withoutNestedLoops)

    \(refusing(test, where: test.conditions));

    \(Settings.withNestedLoops)
    """
  }

  /// Moves orphans out of the stage table and into the rejects, and counts them.
  ///
  /// - Parameter variable: Of PL/pgSQL, to count into.
  private func refusing(
    _ test: OrphanTest, where conditions: [String], into variable: String? = nil
  ) -> String {
    """
    WITH refused AS (
      DELETE FROM \(stage) AS s
      WHERE \(all: conditions, indent: 4)
      RETURNING
        \(block: keyObject(of: "s"), indent: 4) AS source_key,
        \(block: object(of: test.columns, "s"), indent: 4) AS value,
        \(block: parentKey(test), indent: 4) AS parent_key,
        row_to_json(s.*) AS row_data
    ),
    \(refusedParents(of: test)),
    recorded AS (
      \(block: rejectInsert(
        rule: "foreign key \(test.name)", columns: test.columns,
        message: absence(of: test), join: Self.refusedParentJoin), indent: 2)
    )
    SELECT restage.count_rows(\(auditName), 'rejected', count(*)) AS rows
    \(variable.map { "INTO \($0)\n" } ?? "")FROM recorded
    """
  }
}

// MARK: - Why the parent is missing

extension TableNames {
  /// The parent's source key as the parent's own reject would have it.
  private func parentKey(_ test: OrphanTest) -> String {
    let parts = test.pairs.map {
      "\(SQLLiteral.quoted(test.parent.mapped.columns[$0.parentColumn].sourceName)), "
        + "s.\(column($0.column))"
    }
    guard parts.count > 1 else { return "jsonb_build_object(\(parts.joined()))" }
    return """
      jsonb_build_object(
        \(lines: parts, indent: 2)
      )
      """
  }

  /// Rows of the parent that this run refused, each with its first reason.
  private func refusedParents(of test: OrphanTest) -> String {
    let key = test.isByValue ? "v.source_key" : "p.source_key"
    let values = test.pairs.map { pair in
      let column = test.parent.mapped.columns[pair.parentColumn]
      return "\(SQLLiteral.quoted(column.sourceName)), "
        + "p.row_data -> \(SQLLiteral.quoted(column.name.name))"
    }
    let lateral = """

      CROSS JOIN LATERAL jsonb_build_object(\(values.joined(separator: ", "))) AS v (source_key)
      """
    return """
      refused_parent AS MATERIALIZED (
        SELECT DISTINCT ON (\(key))
          \(key),
          p.message
        FROM restage.reject AS p\(block: test.isByValue ? lateral : "", indent: 2)
        WHERE p.run_id = (SELECT restage.run_id())
          AND p.table_name = \(test.parent.auditName)
          AND NOT p.is_loaded
        ORDER BY
          \(key),
          p.id
      )
      """
  }

  private static let refusedParentJoin = """
    LEFT JOIN refused_parent AS p
      ON p.source_key = r.parent_key
    """

  /// Names the parent and, where this run refused it, why: its reason names its own parent, up to the
  /// row where it began. Of a long chain the ends are kept; each row between has a reject of its own.
  private func absence(of test: OrphanTest, ending: String = "") -> String {
    let place = SQLLiteral.quoted("the parent \(test.parent.target) ")
    return """
      \(place) || r.parent_key::text || CASE
        WHEN p.source_key IS NULL THEN ' is \(test.isByValue ? "neither staged nor there" : "in no key map")\(ending)'
        WHEN length(p.message) > 1000 THEN ' was refused\(ending): … ' || right(p.message, 500)
        ELSE ' was refused\(ending): ' || p.message
      END
      """
  }
}

// MARK: - Reject in a ring

extension TableNames {
  /// The tables that lose rows together: a table that refers to itself, or all tables of a cycle,
  /// where one of the foreign keys within rejects orphans. Empty otherwise.
  var ring: [Int] {
    let cycle = self.cycle
    let rejects = cycle.map(table).flatMap(\.orphanTests).contains {
      $0.policy == .reject && cycle.contains($0.parent.index)
    }
    return rejects ? cycle : []
  }

  /// A refused row takes its children with it, and in a ring they may take more of its own table:
  /// the tables lose rows by turns until nothing is lost any more. A row has a parent when a key map
  /// knows it, or when it is staged itself.
  ///
  /// Stands in the file of each table of the ring, since a run may load any of them; the first one
  /// does all there is to do.
  private var ringRefusals: String? {
    let members = ring.map(table)
    let turns = members.compactMap(\.turn)
    guard !turns.isEmpty else { return nil }
    let absences = members.filter { $0.index != index }.map(\.emptyStageIfAbsent)
    let body = """
      DECLARE
        refused_rows bigint;
        lost_rows bigint;
      BEGIN
        \(lines: absences, indent: 2, separator: "")\(absences.isEmpty ? "" : "\n\n  ")LOOP
          lost_rows := 0;
          \(lines: turns, indent: 4, separator: "")
          EXIT WHEN lost_rows = 0;
        END LOOP;
      END
      """
    return "-- Refuse rows without a parent, and the rows that hang on them.\n" + body.asDoStatement
  }

  /// Begins step 30, where parents are looked for among the staged rows.
  var absentParents: String {
    let parents = Set(orphanTests.filter(\.isByValue).map(\.parent.index)).subtracting([index])
    guard !parents.isEmpty else { return "" }
    let body = """
      BEGIN
        \(lines: parents.sorted().map { table($0).emptyStageIfAbsent }, indent: 2, separator: "")
      END
      """
    return "-- Parents that this run does not load have no staged rows.\n" + body.asDoStatement
      + "\n\n"
  }

  /// Nothing is staged of a table that the run does not load, whatever an earlier run left there.
  private var emptyStageIfAbsent: String {
    """
    IF NOT EXISTS (
      SELECT
      FROM restage.staged AS g
      WHERE g.run_id = restage.run_id()
        AND g.table_name = \(auditName)
    ) THEN
      \(block: stageDefinition, indent: 2)
    END IF;
    """
  }

  private var turn: String? {
    let ring = Set(self.ring)
    let tests = orphanTests.filter { $0.policy == .reject }
    guard !tests.isEmpty else { return nil }
    return tests.map { test in
      let isWithin = ring.contains(test.parent.index)
      let conditions = test.conditions + (isWithin ? [isStagedNowhere(test)] : [])
      return """
        -- \(comment: target), \(comment: test.name): on_orphan: reject
        \(refusing(test, where: conditions, into: "refused_rows"));
        lost_rows := lost_rows + refused_rows;
        """
    }.joined(separator: "\n")
  }

  private func isStagedNowhere(_ test: OrphanTest) -> String {
    let pairs = test.pairs.map { pair in
      sameText(
        "p.\(test.parent.column(pair.parentColumn))", "s.\(column(pair.column))", of: pair.column)
        + test.parent.collation(ofComparing: pair.parentColumn, with: mapped.columns[pair.column])
    }
    return """
      NOT EXISTS (
        SELECT
        FROM \(test.parent.stage) AS p
        WHERE \(all: pairs, indent: 4)
      )
      """
  }
}

// MARK: - Respell

extension TableNames {
  /// 'tr ' and 'tr' are one key to SQL Server. To PostgreSQL they are not, and its foreign key holds
  /// only where the child spells the parent's key as the parent does: the stage table takes that
  /// spelling, and the row as it was is noted for the proof.
  private func respelling(_ test: OrphanTest) -> String {
    let parent = test.parent
    let keys = keyColumns.map { "s.\(column($0))" }
    let spelled = test.pairs.filter { test.respelled.contains($0.column) }.map { pair in
      (column: column(pair.column), spelling: parent.keyMapColumn(of: pair.parentColumn))
    }
    let exact = test.pairs.map { pair in
      "k.\(parent.keyMapColumn(of: pair.parentColumn)) = s.\(column(pair.column))"
        + parent.collation(ofComparing: pair.parentColumn, with: mapped.columns[pair.column])
    }
    let blind = test.pairs.map { pair in
      equality(
        parent, keyMapAlias: "k", parentColumn: pair.parentColumn, column: pair.column)
    }
    return """
      -- \(comment: test.name): where it differs in trailing blanks, the parent's spelling
      \(Settings.withoutNestedLoops)

      WITH spelling AS MATERIALIZED (
        SELECT DISTINCT ON (s.ctid)
          s.ctid AS row_id,
          \(block: keyObject(of: "s"), indent: 4) AS source_key,
          \(block: object(of: test.columns, "s"), indent: 4) AS value,
          row_to_json(s.*) AS row_data,
          \(lines: spelled.map { "k.\($0.spelling)" }, indent: 4)
        FROM \(stage) AS s
        JOIN \(parent.keyMap) AS k
          ON \(all: blind, indent: 4)
        WHERE NOT EXISTS (
          SELECT
          FROM \(parent.keyMap) AS k
          WHERE \(all: exact, indent: 6)
        )
        ORDER BY
          s.ctid,
          k.vanished_run NULLS FIRST,
          \(lines: spelled.map { "k.\($0.spelling)" }, indent: 4)
      ),
      respelled AS (
        UPDATE \(stage) AS s
        SET
          \(lines: spelled.map { "\($0.column) = c.\($0.spelling)" }, indent: 4)
        FROM spelling AS c
        WHERE s.ctid = c.row_id
        RETURNING
          \(lines: keys, indent: 4),
          \(block: rowHash(of: "s"), indent: 4) AS \(hashName)
      ),
      \(rehashed(from: "respelled")),
      recorded AS (
        \(block: rejectInsert(
          rule: "spelling \(test.name)", columns: test.respelled,
          message: "'differs from the parent''s key in trailing blanks; loaded as the parent has it'",
          isLoaded: true, from: "spelling"), indent: 2)
      )
      SELECT restage.count_rows(\(auditName), 'respelled', count(*)) AS rows
      FROM recorded;

      \(Settings.withNestedLoops)
      """
  }

  /// Keys that take the spelling of a parent's key, and the key map with them.
  private var keySpellings: [String] {
    guard !spellingRing.isEmpty else {
      guard isKeyRespelled else { return [] }
      return spelledKeyTests.map(respelling) + [keySpelling].compactMap(\.self)
    }
    return [absentMembers]
      + spellingRing.map(table).flatMap { member in
        member.spelledKeyTests(within: spellingRing).map(member.respelling)
          + [member.keySpelling].compactMap(\.self)
      }
  }

  private var spelledKeyTests: [OrphanTest] {
    orphanTests.filter { !Set($0.respelled).isDisjoint(with: keyColumns) }
  }

  /// Where keys go all around a ring, the first table of it dictates the spelling.
  private func spelledKeyTests(within ring: [Int]) -> [OrphanTest] {
    let later = ring.drop { $0 != index }
    return spelledKeyTests.filter { $0.parent.index == index || !later.contains($0.parent.index) }
  }

  /// The tables of a cycle in which a key takes the spelling of a parent's, parents first; empty otherwise.
  /// Every key has to be spelled before any row of the cycle is held to it.
  ///
  /// Stands in the file of each table of the ring, since a run may load any of them; the first one does all
  /// there is to do.
  private var spellingRing: [Int] {
    let cycle = self.cycle
    let parents = Dictionary(
      uniqueKeysWithValues: cycle.map { ($0, table($0).spelledKeyTests.map(\.parent.index)) })
    guard cycle.count > 1, parents.values.contains(where: { !$0.isEmpty }) else { return [] }
    var ordered: [Int] = []
    var begun: Set<Int> = []
    func add(_ member: Int) {
      guard cycle.contains(member), begun.insert(member).inserted else { return }
      for parent in parents[member] ?? [] { add(parent) }
      ordered.append(member)
    }
    for member in cycle { add(member) }
    return ordered
  }

  private var absentMembers: String {
    let body = """
      BEGIN
        \(lines: spellingRing.filter { $0 != index }.map { table($0).emptyStageIfAbsent }, indent: 2, separator: "")
      END
      """
    return "-- Tables of the ring that this run does not load have no staged rows.\n"
      + body.asDoStatement
  }

  /// Whether the table's key takes the spelling of a parent's key.
  var isKeyRespelled: Bool {
    !spelledKeyTests.isEmpty || !spellingRing.isEmpty
  }

  /// A key that is spelled otherwise than when it was loaded is the same key to SQL Server. The key
  /// map takes the new spelling in step 30, before children look there for theirs, or in step 35 where
  /// the spelling is a parent's; the final row gets it in step 50, unless the mapping leaves changed
  /// rows as they are.
  ///
  /// A row that is refused in step 35 keeps its spelling.
  var keySpelling: String? {
    let spelled = zip(keyMapColumns, keyColumns).filter { isSpelled($1) }
    guard !spelled.isEmpty else { return nil }
    let isNew = "k.first_run = (SELECT restage.run_id())"
    let values =
      spelled.map { "\($0) = s.\(column($1))" }
      + [targetKeyColumn].compactMap(\.self).filter(isSpelled).map { index in
        let isOurs = mapped.naturalKey.isEmpty ? "" : " AND k.matched_run IS NULL"
        return """
          target_key = CASE
            WHEN \(isNew)\(isOurs) THEN s.\(column(index))
            ELSE k.target_key
          END
          """
      }
    let differences = spelled.map {
      "k.\($0) COLLATE \"C\" <> s.\(column($1)) COLLATE \"C\""
    }
    let differs =
      differences.count == 1 ? differences[0] : "(\(differences.joined(separator: " OR ")))"
    return """
      -- Keys that differ from those of the key map in case or trailing blanks.
      \(Settings.withoutNestedLoops)

      UPDATE \(keyMap) AS k
      SET
        \(lines: values, indent: 2)
      FROM \(stage) AS s
      WHERE \(all: keyJoin() + [differs] + isRespelled(isNew) + staysIn, indent: 2);

      \(Settings.withNestedLoops)
      """
  }

  /// Where the refusals are still to come.
  private var staysIn: [String] {
    guard !isKeyRespelled, !refusesEarly else { return [] }
    return orphanTests.filter { $0.policy == .reject }.map { test in
      """
      NOT (
        \(all: test.conditions, indent: 2)
      )
      """
    }
  }

  /// Final rows that are left alone keep their spelling, and so does the key map: children follow what is
  /// there.
  private func isRespelled(_ isNew: String) -> [String] {
    guard mapped.onChanged == .update else { return [isNew] }
    guard mapped.onConflict == .keep else { return [] }
    let isAsWritten =
      "\(rowHash(of: "t", columns: allColumns.map { compared($0) })) "
      + "IN (k.row_hash, \(rowHash(of: "s")))"
    return [
      """
      (
        \(isNew)
        OR EXISTS (
          SELECT
          \(lines: ["FROM \(target) AS t"] + allMappedBackJoins, indent: 4, separator: "")
          WHERE \(all: ownPairs + [isAsWritten], indent: 6)
        )
      )
      """
    ]
  }

  private func keyMapColumn(of index: Int) -> String {
    keyMapColumns[keyColumns.firstIndex(of: index) ?? 0]
  }

  /// The hash of an unseen row is that of the row as it is loaded.
  private func rehashed(from rows: String) -> String {
    """
    rehashed AS (
      UPDATE \(keyMap) AS k
      SET row_hash = n.\(hashName)
      FROM \(rows) AS n
      WHERE k.first_run = (SELECT restage.run_id())
        AND \(all: keyJoin("k", "n"), indent: 4)
    )
    """
  }
}

// MARK: - Null

extension TableNames {
  /// Empties the orphans' columns in the stage table, so that the row hash is that of the row as it
  /// is loaded: the night on which the parent arrives, the row counts as changed and gets it.
  private func nulling(_ test: OrphanTest) -> String {
    let keys = keyColumns.map { "s.\(column($0))" }
    return """
      \(title(test))
      WITH orphan AS (
        SELECT
          s.ctid AS row_id,
          \(block: keyObject(of: "s"), indent: 4) AS source_key,
          \(block: object(of: test.columns, "s"), indent: 4) AS value,
          \(block: parentKey(test), indent: 4) AS parent_key,
          row_to_json(s.*) AS row_data
        FROM \(stage) AS s
        WHERE \(all: test.conditions, indent: 4)
      ),
      nulled AS (
        UPDATE \(stage) AS s
        SET
          \(lines: test.nulled.map { "\(column($0)) = NULL" }, indent: 4)
        FROM orphan AS o
        WHERE s.ctid = o.row_id
        RETURNING
          \(lines: keys, indent: 4),
          \(block: rowHash(of: "s"), indent: 4) AS \(hashName)
      ),
      \(rehashed(from: "nulled")),
      \(refusedParents(of: test)),
      recorded AS (
        \(block: nulledInsert(test), indent: 2)
      )
      SELECT restage.count_rows(\(auditName), 'nulled', count(*)) AS rows
      FROM recorded;
      """
  }

  /// A row that is its own key cannot be changed in the stage table: step 40 finds no parent for it
  /// and inserts NULL.
  private func noteOfNulled(_ test: OrphanTest) -> String {
    """
    \(title(test))
    WITH orphan AS (
      SELECT
        \(block: keyObject(of: "s"), indent: 4) AS source_key,
        \(block: object(of: test.columns, "s"), indent: 4) AS value,
        \(block: parentKey(test), indent: 4) AS parent_key,
        row_to_json(s.*) AS row_data
      FROM \(stage) AS s
      WHERE \(all: test.conditions, indent: 4)
    ),
    \(refusedParents(of: test)),
    recorded AS (
      \(block: nulledInsert(test), indent: 2)
    )
    SELECT restage.count_rows(\(auditName), 'nulled', count(*)) AS rows
    FROM recorded;
    """
  }

  private func nulledInsert(_ test: OrphanTest) -> String {
    rejectInsert(
      rule: "foreign key \(test.name)", columns: test.nulled,
      message: absence(of: test, ending: "; loaded with NULL"), isLoaded: true, from: "orphan",
      join: Self.refusedParentJoin)
  }
}
