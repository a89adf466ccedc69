// First loads that commit table by table: the same database as in one transaction, whole tables when they
// die, and a next load that goes on.

import Catalog
import Foundation
import TestSupport
import Testing

@Suite("First loads that commit table by table")
struct CommitTests {
  private let source: SmallSource
  private let target: TestPostgres

  init() throws {
    source = try SmallSource()
    target = try TestPostgres()
  }

  private func expect(
    _ ran: Shell.Outcome, _ status: Int32, naming words: String...,
    at line: SourceLocation = #_sourceLocation
  ) {
    #expect(ran.status == status, "\(ran.output)\(ran.errors)", sourceLocation: line)
    for word in words {
      #expect(
        (ran.output + ran.errors).contains(word), "\(word) in \(ran.output)\(ran.errors)",
        sourceLocation: line)
    }
  }

  /// Parent, Child, which refers to it, and Other, which nobody refers to.
  private func family(
    _ name: String, parents: [[Int?]] = [[1, 10], [2, 20]], children: [[Int?]] = [[1, 1], [2, 2]]
  ) throws -> String {
    var child = SmallTable("dbo", "Child", children)
    child.foreignKeys = [link("FK_Child", to: "Parent")]
    return try source.snapshot(
      name, of: "family", child, SmallTable("dbo", "Other", [[1, 1]]),
      SmallTable("dbo", "Parent", parents))
  }

  private func link(_ name: String, to parent: String) -> ForeignKey {
    ForeignKey(
      name: name, columns: ["V"], parent: ObjectName("dbo", parent), parentColumns: ["Id"])
  }

  private func runs() throws -> String {
    try target.psql("SELECT mode, status FROM restage.run ORDER BY started_at")
  }

  private func children() throws -> String {
    try target.psql(
      "SELECT p.v FROM public.child AS c JOIN public.parent AS p ON p.id = c.v ORDER BY c.id")
  }

  @Test("a natural key, which is followed into tables that come later")
  func naturalKey() throws {
    let mapping = try source.mapping("tables: { dbo.Parent: { natural_key: [V] } }\n")
    let snapshot = try family("1")
    expect(try target.load(snapshot, "--mapping", mapping, "--commit", "table"), 0)
    #expect(try children() == "10\n20")
    expect(try target.verify(snapshot, "--mapping", mapping), 0)
  }

  @Test("a natural key, which is followed into tables that are not loaded")
  func naturalKeyAlone() throws {
    let mapping = try source.mapping("tables: { dbo.Parent: { natural_key: [V] } }\n")
    let snapshot = try family("1")
    let options = ["--mapping", mapping, "--commit", "table"]
    expect(try target.load(snapshot, options + ["--tables", "dbo.Parent"]), 0)
    expect(try target.load(snapshot, options), 0)
    #expect(try children() == "10\n20")
  }

  // MARK: - The same database

  @Test(
    "the same database as in one transaction, to the byte of a dump",
    .enabled(if: SharedData.isThere, SharedData.skipped),
    arguments: ["northwind-2005", "iti-2022", "tsqlv4-2016-compressed", "school-2019"])
  func sameDatabase(name: String) throws {
    let folder = try TemporaryFolder()
    let snapshot = "\(folder.path)/snapshot"
    expect(
      try RestageTool.run(
        ["export", try SharedData.path("bak/\(name).bak"), "--into", snapshot, "--quiet"]), 0)
    expect(try target.load(snapshot, "--commit", "table"), 0)
    let other = try TestPostgres()
    expect(try other.load(snapshot), 0)
    #expect(try target.dump() == other.dump())
    expect(try target.verify(snapshot), 0)

    // The second night is one transaction, and writes nothing.
    expect(try target.load(snapshot, "--commit", "table"), 0)
    #expect(try target.dump() == other.dump())
    let written = try target.psql(
      """
      SELECT coalesce(sum(c.rows), 0) FROM restage.row_count AS c
      WHERE c.kind IN ('inserted', 'updated')
        AND c.run_id = (SELECT r.id FROM restage.run AS r ORDER BY r.started_at DESC LIMIT 1)
      """)
    #expect(written == "0")
  }

  @Test("cycles and self references are committed together")
  func ring() throws {
    var one = SmallTable("dbo", "One", [[1, 2], [2, 1]])
    one.foreignKeys = [link("FK_One", to: "Two")]
    var two = SmallTable("dbo", "Two", [[1, 1], [2, nil]])
    two.foreignKeys = [link("FK_Two", to: "One")]
    var own = SmallTable("dbo", "Own", [[1, 3], [2, 1], [3, 2]])
    own.foreignKeys = [link("FK_Own", to: "Own")]
    let snapshot = try source.snapshot("1", of: "ring", one, own, two)
    let mapping = try source.mapping("commit: table\n")
    expect(try target.load(snapshot, "--mapping", mapping, "--jobs", "3"), 0)
    let other = try TestPostgres()
    expect(try other.load(snapshot), 0)
    #expect(try target.dump() == other.dump())
    expect(try target.verify(snapshot, "--mapping", mapping), 0)
    #expect(
      try target.psql(
        """
        SELECT count(DISTINCT s.started_at) > 2, count(DISTINCT g.closed_at)
        FROM restage.staged AS g JOIN restage.step AS s USING (run_id)
        """) == "t|3")
  }

  @Test("tables that nobody selected are made as well, with all their definitions")
  func selection() throws {
    let snapshot = try family("1")
    expect(try target.load(snapshot, "--commit", "table", "--tables", "Parent"), 0)
    let other = try TestPostgres()
    expect(try other.load(snapshot, "--tables", "Parent"), 0)
    #expect(try target.dump() == other.dump())
    // Rows are known now.
    expect(try target.load(snapshot, "--commit", "table"), 0)
    #expect(try children() == "10\n20")
    #expect(try runs() == "load|succeeded\nload|succeeded")
  }

  // MARK: - Dead half-way

  @Test("a load that failed goes on as the same run, and nothing is merged twice")
  func goesOn() throws {
    let broken = try family("1", children: [[1, 1], [2, 9]])
    let whole = try family("2")
    expect(
      try target.load(broken, "--commit", "table", "--jobs", "1"), 65, naming: "fk_child",
      "tables that are committed")
    #expect(try target.psql("SELECT id, v FROM public.parent ORDER BY 1") == "1|10\n2|20")
    #expect(try target.psql("SELECT count(*) FROM public.child") == "0")
    let status = try RestageTool.run(["status", "--target", target.uri])
    expect(status, 0, naming: "of 3 tables are committed; left: ", "public.child\n")

    expect(try target.load(whole, "--commit", "table"), 0)
    #expect(try runs() == "load|succeeded")
    #expect(try children() == "10\n20")
    expect(try target.verify(whole), 0)
    let other = try TestPostgres()
    expect(try other.load(whole), 0)
    #expect(try target.dump() == other.dump())
    let inserts = try target.psql(
      """
      SELECT table_name, count(*) FROM restage.migration_audit
      WHERE operation = '40 insert' AND status = 'succeeded' GROUP BY 1 ORDER BY 1
      """)
    #expect(inserts == "public.child|1\npublic.other|1\npublic.parent|1")
    #expect(
      try target.psql("SELECT count(*) FROM restage.migration_audit WHERE operation = 'go on'")
        == "1")
    expect(
      try RestageTool.run(["status", "last", "--target", target.uri, "--json"]), 0,
      naming: "\"unfinished\" : [\n\n  ]")
  }

  @Test(
    "another snapshot is merged in one transaction, and what is missing is made",
    arguments: ["run", "table"])
  func otherSnapshot(commit: String) throws {
    let broken = try family("1", children: [[1, 1], [2, 9]])
    let other = try family(
      "2", parents: [[1, 10], [2, 21], [3, 30]], children: [[1, 1], [3, 3]])
    expect(try target.load(broken, "--commit", "table", "--jobs", "1"), 65)
    expect(try target.load(other, "--commit", commit), 0)
    #expect(try runs() == "load|failed\nload|succeeded")
    #expect(try children() == "10\n30")
    #expect(try target.psql("SELECT v FROM public.parent ORDER BY id") == "10\n21\n30")
    expect(try target.verify(other), 0)
    let undisturbed = try TestPostgres()
    expect(try undisturbed.load(other), 0)
    #expect(try target.dump("--schema-only") == undisturbed.dump("--schema-only"))
    // From here on nothing is made any more.
    try target.psql("ALTER TABLE public.child DROP CONSTRAINT fk_child")
    expect(try target.load(other, "--commit", commit), 0)
    #expect(try target.psql("SELECT count(*) FROM pg_constraint WHERE conname = 'fk_child'") == "0")
  }

  @Test("a load that died before its foreign keys makes those that are missing")
  func missingConstraints() throws {
    let snapshot = try family("1")
    expect(try target.load(snapshot, "--commit", "table"), 0)
    let whole = try target.dump()
    try target.psql(
      """
      ALTER TABLE public.child DROP CONSTRAINT fk_child;
      UPDATE restage.run SET status = 'interrupted', error = 'killed',
        options = options || '{"definitions": "begun"}';
      """)
    expect(try target.load(snapshot, "--commit", "table"), 0)
    #expect(try target.dump() == whole)
    #expect(try runs() == "load|succeeded")
  }

  @Test("a load that died is taken back, and the next one begins anew")
  func takenBack() throws {
    let broken = try family("1", children: [[1, 1], [2, 9]])
    let whole = try family("2")
    expect(try target.load(broken, "--commit", "table", "--jobs", "1"), 65)
    let taken = try RestageTool.run(["rollback", "last", "--target", target.uri])
    expect(taken, 0)
    #expect(try target.psql("SELECT count(*) FROM public.parent") == "0")
    #expect(try runs() == "load|rolled_back\nrollback|succeeded")
    expect(try RestageTool.run(["rollback", "last", "--target", target.uri]), 64)

    expect(try target.load(whole, "--commit", "table"), 0)
    #expect(try runs() == "load|rolled_back\nrollback|succeeded\nload|succeeded")
    #expect(try children() == "10\n20")
    let other = try TestPostgres()
    expect(try other.load(whole), 0)
    #expect(try target.dump("--schema-only") == other.dump("--schema-only"))
    expect(try target.verify(whole), 0)
    expect(try RestageTool.run(["rollback", "last", "--target", target.uri]), 0)
    #expect(try target.psql("SELECT count(*) FROM public.child") == "0")
  }

  @Test("rows of a committed table that are gone stop the load that goes on")
  func lostRows() throws {
    expect(
      try target.load(try family("1", children: [[1, 9]]), "--commit", "table", "--jobs", "1"), 65)
    try target.psql("DELETE FROM public.parent WHERE id = 2")
    expect(
      try target.load(try family("2", children: [[1, 1]]), "--commit", "table"), 65,
      naming: "public.parent: 1 row")
  }

  @Test("keys that a dead load gave and did not use are forgotten", arguments: ["table", "run"])
  func unusedKeys(commit: String) throws {
    // Child gets its keys, is refused for want of a parent, and Grandchild has its keys meanwhile.
    func snapshot(_ name: String, parentOfTwo: Int) throws -> String {
      var child = SmallTable("dbo", "Child", [[1, 1], [2, parentOfTwo], [5, 1]])
      child.foreignKeys = [link("FK_Child", to: "Parent")]
      var grandchild = SmallTable("dbo", "Grandchild", [[1, 5], [4, 2]])
      grandchild.foreignKeys = [link("FK_Grandchild", to: "Child")]
      return try source.snapshot(
        name, of: "family", child, grandchild, SmallTable("dbo", "Parent", [[1, 10], [2, 20]]))
    }
    let broken = try snapshot("1", parentOfTwo: 9)
    let whole = try snapshot("2", parentOfTwo: 2)
    expect(try target.load(broken, "--commit", "table"), 65, naming: "fk_child")
    #expect(try target.psql("SELECT count(*) FROM public.child") == "0")
    #expect(try target.psql("SELECT count(*) > 0 FROM restage_keymap.family_public_child") == "t")

    expect(try target.load(whole, "--commit", commit), 0)
    expect(try target.verify(whole), 0)
    let other = try TestPostgres()
    expect(try other.load(whole), 0)
    #expect(try target.dump() == other.dump(), "the same keys too")
  }

  @Test(
    "policies for vanished rows and orphans hold table by table", arguments: ["delete", "mark"])
  func policies(onVanished: String) throws {
    let snapshot = try family("1", children: [[1, 1], [2, 9], [3, nil]])
    for onOrphan in ["reject", "\"null\""] {
      let mapping = try source.mapping(
        "on_vanished: \(onVanished)\nmark_column: gone_at\non_orphan: \(onOrphan)\n")
      let (one, other) = (try TestPostgres(), try TestPostgres())
      let status: Int32 = onOrphan == "reject" ? 3 : 0
      expect(try one.load(snapshot, "--mapping", mapping, "--commit", "table"), status)
      expect(try other.load(snapshot, "--mapping", mapping), status)
      #expect(try one.dump() == other.dump())
      expect(try one.verify(snapshot, "--mapping", mapping), status)
    }
  }

  // MARK: - What stays one transaction

  @Test("a rehearsal keeps nothing")
  func rehearsal() throws {
    let snapshot = try family("1")
    expect(
      try RestageTool.run(
        ["load", snapshot, "--target", target.uri, "--commit", "table", "--rehearse"]), 0,
      naming: "a rehearsal is one transaction", "rehearsed and rolled back")
    #expect(try target.psql("SELECT to_regclass('public.parent') IS NULL") == "t")
    expect(try target.load(snapshot, "--commit", "table"), 0)
    #expect(try children() == "10\n20")
  }

  @Test("a second source comes into tables that are there, table by table")
  func secondSource() throws {
    expect(try target.load(try family("1")), 0)
    let mapping = try source.mapping("source: second\ncommit: table\n")
    let second = try family("2", children: [[1, 2]])
    expect(try target.load(second, "--mapping", mapping), 0)
    #expect(try children() == "10\n20\n20")
    expect(try target.verify(second, "--mapping", mapping), 0)
    let commits = try target.psql(
      "SELECT options FROM restage.run WHERE source_name = 'second'")
    #expect(commits.contains("\"commit\": \"table\"") && !commits.contains("definitions"))
  }

  @Test("a word that commit does not take is refused")
  func wrongWord() throws {
    let snapshot = try family("1")
    expect(try target.load(snapshot, "--commit", "row"), 64, naming: "--commit")
    let mapping = try source.mapping("commit: row\n")
    expect(try target.load(snapshot, "--mapping", mapping), 78, naming: "run or table")
  }
}

extension TestPostgres {
  /// The lines that pg_dump prints of the final tables, definitions included, sorted: rows have no order,
  /// and a load that goes on may bring them in another one.
  func dump(_ options: String...) throws -> String {
    let ran = try Shell.run(
      "pg_dump", ["--exclude-schema=restage*", "--dbname", uri] + options)
    try #require(ran.status == 0, "\(ran.errors)")
    // Newer servers put a random word around the dump.
    return ran.output.split(separator: "\n").filter { !$0.contains("restrict ") }
      .sorted().joined(separator: "\n")
  }
}
