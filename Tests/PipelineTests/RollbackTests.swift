// Whole runs on real files, taken back by the tool.

import Catalog
import Foundation
import TestSupport
import Testing

@Suite("Runs that are taken back", .enabled(if: SharedData.isThere, SharedData.skipped))
struct RollbackTests {
  @Test("the second night is taken back: the target is what the first night left")
  func secondNight() throws {
    let folder = try TemporaryFolder()
    let target = try TestPostgres()
    try run("peepstat-2012", in: folder, into: target)
    let before = try rows(of: target)
    try run("peepstat-2014", in: folder, into: target)
    #expect(try rows(of: target) != before)

    let rehearsed = try rollback("last", target, "--rehearse")
    #expect(rehearsed.status == 0, "\(rehearsed.errors)")
    #expect(rehearsed.output.contains("could be taken back"))
    #expect(try rows(of: target) != before)

    let ran = try rollback("last", target)
    #expect(ran.status == 0, "\(ran.output)\(ran.errors)")
    #expect(try rows(of: target) == before)
    #expect(
      try target.psql("SELECT mode, status FROM restage.run ORDER BY started_at")
        == "load|succeeded\nload|rolled_back\nrehearsal|succeeded\nrollback|succeeded")
    let audit = try target.psql(
      """
      SELECT operation, sum(rows_affected) FROM restage.migration_audit
      WHERE run_id = (SELECT id FROM restage.run ORDER BY started_at DESC LIMIT 1)
        AND metadata ->> 'sha256' ~ '^[0-9a-f]{64}$'
        AND metadata ->> 'file' LIKE 'undo/%' AND status = 'succeeded'
      GROUP BY operation ORDER BY operation
      """)
    #expect(audit.contains("60 delete|2\n70 forget|2\n"), "\(audit)")

    let verified = try RestageTool.run(
      ["verify", "\(folder.path)/peepstat-2012", "--target", target.uri])
    #expect(verified.status == 0, "the first night is proven again: \(verified.output)")
    try run("peepstat-2014", in: folder, into: target, again: true)
    let again = try RestageTool.run(
      ["verify", "\(folder.path)/peepstat-2014", "--target", target.uri])
    #expect(again.status == 0, "\(again.output)")
  }

  @Test(
    "65: rows that got another key of the source are named, and what the advice says leads back")
  func rekeyed() throws {
    let source = try SmallSource()
    let target = try TestPostgres()
    let mapping = try source.mapping(
      "tables: { dbo.T: { natural_key: [V], keep_before: true } }\n")
    let first = try source.snapshot("1", of: "s", SmallTable("dbo", "T", [[1, 10], [2, 20]]))
    let second = try source.snapshot(
      "2", of: "s", SmallTable("dbo", "T", [[5, 10], [2, 20], [7, 70]]))
    #expect(try target.load(first, "--mapping", mapping).status == 0)
    #expect(try target.load(second, "--mapping", mapping).status == 0)
    let before = try rows(of: target)
    let refused = try rollback("last", target)
    #expect(refused.status == 65, "\(refused.errors)")
    #expect(
      refused.output.contains("1 rows of public.t are known by another key of the source")
        && refused.output.contains("--inserts-only leaves rows under their new key")
        && !refused.output.contains("keep_before"), "\(refused.output)")
    #expect(try rows(of: target) == before)
    let partly = try rollback("last", target, "--inserts-only")
    #expect(partly.status == 0, "\(partly.output)\(partly.errors)")
    #expect(try target.psql("SELECT v FROM public.t ORDER BY v") == "10\n20")
    #expect(try target.load(first, "--mapping", mapping).status == 0)
    #expect(
      try target.psql("SELECT source_id FROM restage_keymap.s_public_t ORDER BY source_id")
        == "1\n2")
    let proof = try target.verify(first, "--mapping", mapping)
    #expect(proof.status == 0, "\(proof.output)")
  }

  @Test(
    "65: a row without a parent that an application gave one of its own was edited, and differs",
    arguments: [true, false])
  func parentOfOthers(hasKey: Bool) throws {
    let source = try SmallSource()
    let target = try TestPostgres()
    var child = SmallTable("dbo", "Child", [[1, nil], [2, 1]])
    child.foreignKeys = [
      ForeignKey(
        name: "FK_Child", columns: ["V"], parent: ObjectName("dbo", "Parent"),
        parentColumns: ["Id"])
    ]
    if !hasKey {
      child.key = []
      child.hasIdentity = false
    }
    let snapshot = try source.snapshot("1", of: "s", child, SmallTable("dbo", "Parent", [[1, 1]]))
    #expect(try target.load(snapshot).status == 0)
    try target.psql(
      "INSERT INTO parent VALUES (999, 5); UPDATE child SET v = 999 WHERE v IS NULL")
    #expect(try target.verify(snapshot).status == 65)
    let ran = try rollback("last", target)
    #expect(ran.status == 65, "\(ran.output)\(ran.errors)")
    #expect(try target.psql("SELECT count(*) FROM child WHERE v = 999") == "1")
  }

  @Test("a first load is taken back and loaded again: the same database, where keys are preserved")
  func firstLoad() throws {
    let folder = try TemporaryFolder()
    let target = try TestPostgres()
    let mapping = "\(folder.path)/restage.yaml"
    try "keys: preserve\n".write(toFile: mapping, atomically: true, encoding: .utf8)
    let options = ["--mapping", mapping]
    try run("northwind-2005", in: folder, into: target, options)
    let loaded = try rows(of: target)
    let printed = try rollback("last", target, "--print")
    #expect(printed.status == 0, "\(printed.errors)")

    // What is printed does with psql what the tool does, and is what was planned.
    let script = "\(folder.path)/rollback.sql"
    try printed.output.write(toFile: script, atomically: true, encoding: .utf8)
    let plan = try plan("northwind-2005", in: folder, options)
    let planned = try Shell.run(
      "bash", ["-c", "cd '\(plan)/undo' && cat 10_begin.sql */60_delete.sql"])
    #expect(planned.output.contains("DELETE FROM public.orders"))
    for line in planned.output.split(separator: "\n") {
      #expect(printed.output.contains(line))
    }
    let byHand = try Shell.run(
      "psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", target.uri, "-f", script])
    #expect(byHand.status == 0, "\(byHand.errors)")
    let counts = try target.psql(
      "SELECT count(*) FROM public.orders UNION ALL SELECT count(*) FROM public.employees")
    #expect(counts == "0\n0")

    try run("northwind-2005", in: folder, into: target, options, again: true)
    #expect(try rows(of: target) == loaded)
    let ran = try rollback("last", target)
    #expect(ran.status == 0, "\(ran.errors)")
    #expect(try target.psql("SELECT count(*) FROM public.orders") == "0")
  }

  @Test(
    "64: what cannot be taken back; 65: rows that depend on it; 75: a lock; 77: SQL not approved")
  func refusals() throws {
    let folder = try TemporaryFolder()
    let target = try TestPostgres()
    let empty = try rollback("last", target)
    #expect(empty.status == 64, "\(empty.errors)")
    try run("iti-2022", in: folder, into: target)
    let run = try target.psql("SELECT id FROM restage.run")
    let rows = try rows(of: target)

    try target.psql(
      """
      CREATE TABLE public.badge (id integer PRIMARY KEY, topic integer REFERENCES public.topic ON DELETE CASCADE);
      INSERT INTO public.badge SELECT 7, min(top_id) FROM public.topic;
      """)
    let referenced = try rollback(run, target)
    #expect(referenced.status == 65, "\(referenced.errors)")
    #expect(
      referenced.output.contains(
        "1 rows of public.badge (badge_topic_fkey) refer to rows of public.topic"))
    #expect(referenced.output.contains(#"  {"id": 7}"#), "\(referenced.output)")
    #expect(
      try target.psql("SELECT status FROM restage.run ORDER BY started_at DESC LIMIT 1") == "failed"
    )
    try target.psql("DROP TABLE public.badge")
    #expect(try self.rows(of: target) == rows)

    let lock = "\(folder.path)/approved.lock"
    let plan = try plan("iti-2022", in: folder)
    _ = try Shell.run("bash", ["-c", "cd '\(plan)' && sha256sum undo/*.sql > '\(lock)'"])
    let unapproved = try rollback(run, target, "--require-approved", lock)
    #expect(unapproved.status == 77, "\(unapproved.errors)")
    #expect(unapproved.errors.contains("20_find.sql"), "\(unapproved.errors)")
    #expect(unapproved.errors.contains("docs/rollback.md says"), "\(unapproved.errors)")
    _ = try Shell.run(
      "bash", ["-c", "cd '\(plan)' && sha256sum undo/*.sql undo/*/*.sql > '\(lock)'"])

    let locked = try Shell.run(
      "bash",
      [
        "-c",
        """
        psql -X -q -d '\(target.uri)' -c 'BEGIN; UPDATE public.topic SET top_name = top_name; SELECT pg_sleep(4);' &
        sleep 1
        '\(RestageTool.path)' rollback last --target '\(target.uri)' --lock-timeout 1; echo "status $?"
        wait
        """,
      ])
    #expect(locked.output.contains("status 75"), "\(locked.output)\(locked.errors)")

    try target.psql("UPDATE restage.sql_text SET body = body || ' ' WHERE body LIKE '%60 delete%'")
    let changed = try rollback(run, target)
    #expect(changed.status == 77, "\(changed.errors)")
    try target.psql("UPDATE restage.sql_text SET body = rtrim(body, ' ')")
    let done = try rollback(run, target, "--require-approved", lock)
    #expect(done.status == 0, "\(done.output)\(done.errors)")
    for (name, problem) in [(run, "rolled back already"), ("nonsense", "there is no run")] {
      let again = try rollback(name, target)
      #expect(again.status == 64 && again.errors.contains(problem), "\(again.errors)")
    }
  }

  // MARK: - Helpers

  private func run(
    _ name: String, in folder: TemporaryFolder, into target: TestPostgres,
    _ options: [String] = [], again: Bool = false
  ) throws {
    let snapshot = "\(folder.path)/\(name)"
    if !again {
      let exported = try RestageTool.run(
        ["export", try SharedData.path("bak/\(name).bak"), "--into", snapshot, "--quiet"])
      #expect(exported.status == 0, "\(exported.errors)")
    }
    let ran = try RestageTool.run(
      ["load", snapshot, "--target", target.uri, "--quiet"] + options)
    #expect(ran.status == 0, "\(ran.output)\(ran.errors)")
  }

  /// - Returns: The folder of the plan.
  private func plan(
    _ name: String, in folder: TemporaryFolder, _ options: [String] = []
  ) throws -> String {
    let made = try RestageTool.run(
      ["plan", "\(folder.path)/\(name)", "--into", "\(folder.path)/plan"] + options)
    #expect(made.status == 0, "\(made.errors)")
    return "\(folder.path)/plan"
  }

  private func rollback(
    _ run: String, _ target: TestPostgres, _ options: String...
  ) throws -> Shell.Outcome {
    try RestageTool.run(["rollback", run, "--target", target.uri] + options)
  }

  /// Rows of final tables and key maps, sorted, without what names a run.
  private func rows(of target: TestPostgres) throws -> String {
    let dumped = try Shell.run(
      "pg_dump",
      [
        "--dbname", target.uri, "--data-only", "--inserts", "--schema", "public", "--schema",
        "restage_keymap",
      ])
    #expect(dumped.status == 0, "\(dumped.errors)")
    let run = try Regex("'[0-9a-f]{8}-[0-9a-f-]{27}'(?=, '[0-9a-f]{8}-|, NULL)")
    return dumped.output.split(separator: "\n").filter { $0.hasPrefix("INSERT") }
      .map { String($0).replacing(run, with: "'run'") }.sorted().joined(separator: "\n")
  }
}
