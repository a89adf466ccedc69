// The exit codes that scripts rely on, each brought about by its real cause.

import BackupFixtures
import Catalog
import Foundation
import TestSupport
import Testing

@Suite("Exit codes", .enabled(if: SharedData.isThere, SharedData.skipped))
struct ExitCodeTests {
  private func export(_ folder: TemporaryFolder) throws -> String {
    let snapshot = "\(folder.path)/snapshot"
    let ran = try RestageTool.run(
      ["export", try SharedData.path("bak/iti-2022.bak"), "--into", snapshot, "--quiet"])
    #expect(ran.status == 0, "\(ran.errors)")
    #expect(ran.output == "\(snapshot)\n")
    return snapshot
  }

  private func expect(_ status: Int32, naming word: String, of arguments: [String]) throws {
    let ran = try RestageTool.run(arguments)
    #expect(ran.status == status, "\(ran.output)\(ran.errors)")
    #expect(ran.errors.contains(word), "\(ran.errors)")
  }

  @Test("3: rows that were rejected, also in the proof", arguments: ["counts", "keys", "content"])
  func rejects(level: String) throws {
    let source = try SmallSource()
    var child = SmallTable("dbo", "Child", [[1, 1], [2, 9]])
    child.foreignKeys = [
      ForeignKey(
        name: "FK", columns: ["V"], parent: ObjectName("dbo", "Parent"), parentColumns: ["Id"])
    ]
    let snapshot = try source.snapshot("1", of: "s", child, SmallTable("dbo", "Parent", [[1, 1]]))
    let mapping = try source.mapping("on_orphan: reject\n")
    let target = try TestPostgres()
    #expect(try target.load(snapshot, "--mapping", mapping).status == 3)
    let proof = try target.verify(snapshot, "--mapping", mapping, "--level", level)
    #expect(proof.status == 3, "\(proof.output)\(proof.errors)")
    #expect(
      proof.output.contains("equal but for 1 refused row, not in the target"), "\(proof.output)")
  }

  @Test("65: the proof of a target without the tables, in words")
  func provenNothing() throws {
    let source = try SmallSource()
    let snapshot = try source.snapshot("1", of: "s", SmallTable("dbo", "T", [[1, 1]]))
    let target = try TestPostgres()
    let proof = try target.verify(snapshot)
    #expect(proof.status == 65, "\(proof.errors)")
    #expect(proof.output.contains("final table public.t is not in the target"), "\(proof.output)")
    try target.psql("CREATE TABLE public.t (id integer, v integer)")
    let unloaded = try target.verify(snapshot)
    #expect(unloaded.status == 65, "\(unloaded.errors)")
    #expect(unloaded.output.contains("no run has loaded this table"), "\(unloaded.output)")
  }

  @Test("0: a file without tables is a snapshot without tables, and loads")
  func noTables() throws {
    let folder = try TemporaryFolder()
    let file = "\(folder.path)/empty.mdf"
    try FixtureWriter(FixtureDatabase("Empty", tables: [])).writeMDF(to: file)
    let exported = try RestageTool.run(["export", file, "--into", "\(folder.path)/s"])
    #expect(exported.status == 0, "\(exported.errors)")
    #expect(exported.errors.contains("no user table"), "\(exported.errors)")
    let target = try TestPostgres()
    #expect(try target.load("\(folder.path)/s").status == 0)
    #expect(try target.verify("\(folder.path)/s").status == 0)
  }

  @Test("64: a command line that makes no sense")
  func usage() throws {
    try expect(64, naming: "Usage", of: ["export"])
    try expect(64, naming: "--jobs", of: ["export", "x.bak", "--jobs", "0"])
    try expect(64, naming: "Unexpected argument", of: ["load", "a", "b"])
  }

  @Test("64: a pattern that matches no table")
  func noSuchTable() throws {
    let folder = try TemporaryFolder()
    try expect(
      64, naming: "dbo.Studnet",
      of: [
        "export", try SharedData.path("bak/iti-2022.bak"), "--into", "\(folder.path)/s",
        "--tables", "dbo.Course,dbo.Studnet",
      ])
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/s/manifest.json"))
  }

  @Test("66: an unfinished snapshot, and one whose chunk was changed")
  func badSnapshot() throws {
    let folder = try TemporaryFolder()
    let snapshot = try export(folder)
    let target = try TestPostgres()
    let chunk = "\(snapshot)/data/dbo.Topic/000001.csv"
    let text = try String(contentsOfFile: chunk, encoding: .utf8)
    try text.replacingOccurrences(of: "1,", with: "9,")
      .write(toFile: chunk, atomically: true, encoding: .utf8)
    try expect(66, naming: "000001.csv", of: ["load", snapshot, "--target", target.uri])
    try FileManager.default.removeItem(atPath: "\(snapshot)/manifest.json")
    try expect(66, naming: "manifest.json", of: ["load", snapshot, "--target", target.uri])
  }

  @Test("3: damaged pages that were skipped on request, 66 without it")
  func skippedPages() throws {
    let folder = try TemporaryFolder()
    let file = "\(folder.path)/hurt.mdf"
    var bytes = try Data(contentsOf: URL(filePath: try SharedData.path("mdf/pubs-2008.mdf")))
    // The title is in one row of dbo.titles and in no index key.
    let place = try #require(bytes.range(of: Data("But Is It User Friendly?".utf8)))
    bytes[place.lowerBound] ^= 0x01
    try bytes.write(to: URL(filePath: file))
    try expect(66, naming: "checksum", of: ["export", file, "--into", "\(folder.path)/strict"])
    try expect(
      3, naming: "dbo.titles",
      of: ["export", file, "--into", "\(folder.path)/rescued", "--allow-damaged"])
    let rejects = "\(folder.path)/rescued/rejects/dbo.titles.csv"
    #expect(try String(contentsOfFile: rejects, encoding: .utf8).contains("checksum"))
    let authors = "\(folder.path)/rescued/data/dbo.authors/000001.csv"
    #expect(try String(contentsOfFile: authors, encoding: .utf8).split(separator: "\n").count == 23)
  }

  @Test("69: a server out of reach")
  func unreachable() throws {
    let folder = try TemporaryFolder()
    let snapshot = try export(folder)
    try expect(
      69, naming: "127.0.0.1",
      of: ["load", snapshot, "--target", "postgresql://nobody@127.0.0.1:1/nothing"])
  }

  @Test("73: a folder that cannot be made")
  func cannotWrite() throws {
    let folder = try TemporaryFolder()
    try Data().write(to: URL(fileURLWithPath: "\(folder.path)/file"))
    try expect(
      73, naming: "file",
      of: [
        "export", try SharedData.path("bak/iti-2022.bak"), "--into", "\(folder.path)/file/snapshot",
      ])
  }

  @Test("the system's reason is told in its own words")
  func reasons() throws {
    let source = try SmallSource()
    let snapshot = try source.snapshot("1", of: "s", SmallTable("dbo", "T", [[1, 1]]))
    let file = try source.mapping("names: lower\n")
    for (arguments, status, reason) in [
      (["plan", snapshot, "--into", "\(file)/plan"], 73 as Int32, "Not a directory"),
      (["plan", snapshot, "--mapping", "/nonexistent.yaml"], 78, "No such file or directory"),
      (
        ["load", snapshot, "--target", "", "--plan", "/nonexistent"], 64,
        "No such file or directory"
      ),
    ] {
      let ran = try RestageTool.run(arguments)
      #expect(ran.status == status, "\(ran.errors)")
      #expect(ran.errors.contains(": \(reason)"), "\(ran.errors)")
    }
  }

  @Test("75: another run of the same source holds the lock")
  func locked() throws {
    let folder = try TemporaryFolder()
    let snapshot = try export(folder)
    let target = try TestPostgres()
    let first = try RestageTool.run(["load", snapshot, "--target", target.uri, "--quiet"])
    #expect(first.status == 0, "\(first.errors)")
    // An application keeps a final table locked: the second load waits for it, the third finds the
    // second at work, and the second gives up when its patience ends.
    let script = """
      psql -X -q -d '\(target.uri)' -c 'BEGIN; LOCK TABLE public.student; SELECT pg_sleep(6);' &
      sleep 1
      '\(RestageTool.path)' load '\(snapshot)' --target '\(target.uri)' --quiet --lock-timeout 3 &
      second=$!
      sleep 1.5
      '\(RestageTool.path)' load '\(snapshot)' --target '\(target.uri)' --quiet; third=$?
      wait $second; echo "second $? third $third"
      """
    let ran = try Shell.run("bash", ["-c", script])
    #expect(ran.output.contains("second 75 third 75"), "\(ran.output)\(ran.errors)")
    let holder = try target.psql(
      "SELECT id FROM restage.run WHERE status = 'failed' ORDER BY started_at LIMIT 1")
    #expect(
      ran.errors.contains(
        "another run of source 'iti' works on this target: run \(holder) (load), at work since 20"),
      "\(ran.errors)")
  }

  @Test("77: a role that may not create anything")
  func notAllowed() throws {
    let folder = try TemporaryFolder()
    let snapshot = try export(folder)
    let target = try TestPostgres()
    try target.psql("CREATE ROLE guest_\(getpid()) LOGIN")
    let uri = target.uri.replacingOccurrences(of: "restage@", with: "guest_\(getpid())@")
    try expect(77, naming: "permission denied", of: ["load", snapshot, "--target", uri])
  }

  @Test("77: a file of the plan that was changed after it was planned")
  func changedPlan() throws {
    let folder = try TemporaryFolder()
    let snapshot = try export(folder)
    let target = try TestPostgres()
    let plan = "\(folder.path)/plan"
    _ = try RestageTool.run(["plan", snapshot, "--into", plan])
    let path = "\(plan)/ddl/20_tables.sql"
    let text = try String(contentsOfFile: path, encoding: .utf8) + "-- one more line\n"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    try expect(
      77, naming: "20_tables.sql", of: ["load", snapshot, "--plan", plan, "--target", target.uri])
  }

  @Test("78: a mapping with a mistake, named by its line")
  func wrongMapping() throws {
    let folder = try TemporaryFolder()
    let snapshot = try export(folder)
    let mapping = "\(folder.path)/restage.yaml"
    try "names: snake_case\nkeyss: remap\n".write(
      toFile: mapping, atomically: true, encoding: .utf8)
    try expect(78, naming: "restage.yaml:2", of: ["plan", snapshot, "--mapping", mapping])
  }

  @Test("78: two sources whose key maps would have one name")
  func sharedKeyMap() throws {
    let folder = try TemporaryFolder()
    let snapshot = try export(folder)
    let target = try TestPostgres()
    let first = try RestageTool.run(["load", snapshot, "--target", target.uri, "--quiet"])
    #expect(first.status == 0, "\(first.errors)")
    try target.psql(
      "UPDATE restage.table_map SET source_name = 'other' WHERE source_table = 'Topic'")
    try expect(
      78, naming: "belongs to other.dbo.Topic", of: ["load", snapshot, "--target", target.uri])
  }

  @Test("0: a rehearsal reports its numbers and changes no row")
  func rehearsal() throws {
    let folder = try TemporaryFolder()
    let snapshot = try export(folder)
    let target = try TestPostgres()
    let ran = try RestageTool.run(["load", snapshot, "--target", target.uri, "--rehearse"])
    #expect(ran.status == 0, "\(ran.errors)")
    #expect(ran.output.contains("118"))
    let tables = try target.psql(
      "SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'restage_keymap')")
    #expect(tables == "0")
    #expect(try target.psql("SELECT mode, status FROM restage.run") == "rehearsal|succeeded")
  }

  @Test(
    "a rehearsal leaves its record and nothing else, also where it fails",
    arguments: [
      ("tsqlv4-2016-compressed", 0), ("northwind-2005", 0), ("tsqlv4-2016-compressed", 65),
    ])
  func rehearsalLeavesNothing(name: String, status: Int32) throws {
    let folder = try TemporaryFolder()
    let snapshot = "\(folder.path)/snapshot"
    #expect(
      try RestageTool.run(
        ["export", try SharedData.path("bak/\(name).bak"), "--into", snapshot, "--quiet"]
      ).status == 0)
    let target = try TestPostgres()
    let objects = """
      SELECT 'schema ' || n.nspname FROM pg_namespace AS n
      UNION ALL
      SELECT 'collation ' || c.collname FROM pg_collation AS c WHERE c.collnamespace <> 'pg_catalog'::regnamespace
      UNION ALL
      SELECT 'relation ' || c.oid::regclass FROM pg_class AS c
      WHERE c.relnamespace::regnamespace::text !~ '^(pg_|information_schema|restage$)'
      ORDER BY 1
      """
    #expect(try RestageTool.run(["install", "--target", target.uri]).status == 0)
    let before = try target.psql(objects)
    var options = ["load", snapshot, "--target", target.uri, "--rehearse", "--quiet"]
    if status != 0 {
      // Orders of customers who are not loaded.
      let mapping = "\(folder.path)/mapping.yaml"
      try "tables: { Sales.Customers: { where: \"false\" } }".write(
        toFile: mapping, atomically: true, encoding: .utf8)
      options += ["--mapping", mapping]
    }
    let ran = try RestageTool.run(options)
    #expect(ran.status == status, "\(ran.output)\(ran.errors)")
    #expect(try target.psql(objects) == before)
    #expect(
      try target.psql("SELECT count(*) FROM restage.run WHERE mode = 'rehearsal'") == "1")
    #expect(!ran.errors.contains("left by the rehearsal"), "\(ran.errors)")
    // What is there when the rehearsal begins stays.
    let loaded = try target.load(snapshot)
    #expect(loaded.status == 0, "\(loaded.errors)")
    let finalTables = """
      SELECT c.oid::regclass FROM pg_class AS c
      WHERE c.relnamespace::regnamespace::text !~ '^(pg_|information_schema|restage)' ORDER BY 1
      """
    let tables = try target.psql(finalTables)
    let again = try target.load(snapshot, "--rehearse")
    #expect(again.status == 0, "\(again.errors)")
    #expect(try target.psql(finalTables) == tables)
  }

  @Test("verify tells of each table on stderr, and of none if asked; inspect takes the options too")
  func quiet() throws {
    let folder = try TemporaryFolder()
    let snapshot = try export(folder)
    let target = try TestPostgres()
    #expect(try target.load(snapshot).status == 0)
    let told = try target.verify(snapshot)
    #expect(told.errors.contains("table compared"), "\(told.errors)")
    let json = try target.verify(snapshot, "--log", "json")
    #expect(
      json.errors.split(separator: "\n").allSatisfy { $0.hasPrefix("{") } && !json.errors.isEmpty)
    let quiet = try target.verify(snapshot, "--quiet")
    #expect(quiet.errors == "", "\(quiet.errors)")
    #expect(quiet.output == told.output && quiet.status == 0)
    let source = try SharedData.path("bak/iti-2022.bak")
    let inspected = try RestageTool.run(["inspect", source, "--quiet"])
    #expect(inspected.status == 0 && inspected.errors == "", "\(inspected.errors)")
    #expect(try RestageTool.run(["inspect", source]).errors == "")
    #expect(try RestageTool.run(["inspect", source, "--verbose"]).errors.contains("catalog read"))
  }

  @Test("psql runs the plan's files by hand to the same database as load")
  func byHand() throws {
    let folder = try TemporaryFolder()
    let snapshot = try export(folder)
    let plan = "\(folder.path)/plan"
    let planned = try RestageTool.run(["plan", snapshot, "--into", plan])
    #expect(planned.status == 0, "\(planned.errors)")
    let loaded = try TestPostgres()
    let ran = try RestageTool.run(
      ["load", snapshot, "--plan", plan, "--target", loaded.uri, "--quiet"])
    #expect(ran.status == 0, "\(ran.errors)")

    let byHand = try TestPostgres()
    try byHand.psql(try RestageTool.run(["install", "--print"]).output)
    let run = try byHand.psql("SELECT restage.begin_run('iti')")
    for file in try planFiles(of: plan)
    where ["ddl/", "merge/"].contains(where: file.path.hasPrefix) {
      try byHand.psql(
        """
        SET restage.run_id = '\(run)';
        BEGIN;
        \(try String(contentsOfFile: "\(plan)/\(file.path)", encoding: .utf8))
        COMMIT;
        """)
      guard file.step == "10 stage", let table = file.table else { continue }
      try copyByHand(table, from: snapshot, plan: plan, into: byHand)
    }
    #expect(try dump(loaded) == (try dump(byHand)))
    let proof = try RestageTool.run(
      ["verify", snapshot, "--plan", plan, "--target", byHand.uri, "--level", "content"])
    #expect(proof.status == 0, "\(proof.output)")
  }

  private struct PlannedFile {
    let path: String
    let step: String
    let table: String?
  }

  /// The files of `plan.json` in its order.
  private func planFiles(of plan: String) throws -> [PlannedFile] {
    let json = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: "\(plan)/plan.json")))
    let files = try #require((json as? [String: Any])?["files"] as? [[String: Any]])
    return try files.map { file in
      let table = file["table"] as? [String: String]
      return PlannedFile(
        path: try #require(file["path"] as? String), step: try #require(file["step"] as? String),
        table: table.map { "\($0["schema"] ?? "").\($0["name"] ?? "")" })
    }
  }

  private func copyByHand(
    _ table: String, from snapshot: String, plan: String, into target: TestPostgres
  ) throws {
    let stage = try target.psql(
      """
      SELECT stage_table FROM restage.table_map
      WHERE source_schema || '.' || source_table = '\(table)'
      """)
    try target.psql(
      "\\copy \(stage) FROM '\(snapshot)/data/\(table)/000001.csv' WITH (FORMAT csv)")
  }

  /// Final tables and key maps, definitions and rows, without what names the run.
  private func dump(_ target: TestPostgres) throws -> String {
    let dumped = try Shell.run(
      "pg_dump",
      ["--dbname", target.uri, "--no-owner", "--schema", "public", "--column-inserts"])
    #expect(dumped.status == 0, "\(dumped.errors)")
    return dumped.output.split(separator: "\n")
      .filter { !$0.hasPrefix("--") && !$0.hasPrefix("\\") }.joined(separator: "\n")
  }
}
