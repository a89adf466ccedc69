// Final tables are analysed when a run wrote more than a tenth of them, and by nobody who may not.

import Foundation
import TestSupport
import Testing

@Suite("Statistics of final tables")
struct StatisticsTests {
  private let source: SmallSource
  private let target: TestPostgres

  init() throws {
    source = try SmallSource()
    target = try TestPostgres()
  }

  /// A snapshot of as many rows.
  private func snapshot(_ name: String, rows: Int, value: Int = 0) throws -> String {
    try source.snapshot(
      name, of: "s", SmallTable("dbo", "T", (1...rows).map { [$0, $0 + value] }))
  }

  private var analyses: Int {
    get throws {
      let count = try target.psql(
        "SELECT analyze_count FROM pg_stat_user_tables WHERE relid = 'public.t'::regclass")
      return Int(count) ?? -1
    }
  }

  @Test("are gathered when a tenth of a table is new, and not before", arguments: ["run", "table"])
  func gathered(commit: String) throws {
    #expect(try target.load(try snapshot("1", rows: 100), "--commit", commit).status == 0)
    let columns = try target.psql(
      "SELECT count(*) FROM pg_stats WHERE schemaname = 'public' AND tablename = 't'")
    #expect(columns == "2")
    #expect(try analyses == 1)
    #expect(try target.load(try snapshot("2", rows: 100)).status == 0)
    #expect(try target.load(try snapshot("3", rows: 105)).status == 0)
    #expect(try analyses == 1, "5 of 100 rows are new")
    #expect(try target.load(try snapshot("4", rows: 130), "--rehearse").status == 0)
    #expect(try analyses == 1, "a rehearsal leaves nothing")
    #expect(try target.load(try snapshot("5", rows: 105, value: 1)).status == 0)
    #expect(try analyses == 2, "all rows changed")
  }

  @Test("a table that is being vacuumed is left alone, and the run has succeeded")
  func locked() throws {
    #expect(try target.load(try snapshot("1", rows: 100)).status == 0)
    let script = """
      psql -X -q -d "$URI" <<'SQL' &
      SET application_name = 'app';
      BEGIN;
      LOCK TABLE public.t IN SHARE UPDATE EXCLUSIVE MODE;
      SELECT pg_sleep(600);
      SQL
      until [[ $(psql -X -A -t -d "$URI" -c "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'app' AND wait_event = 'PgSleep'") == 1 ]]; do sleep 0.1; done
      "$TOOL" load "$SNAPSHOT" --target "$URI" >/dev/null
      echo "load $?"
      psql -X -A -t -d "$URI" -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'app'" >/dev/null
      wait
      """
    let ran = try Shell.run(
      "bash", ["-c", script],
      environment: [
        "URI": target.uri, "TOOL": RestageTool.path, "SNAPSHOT": try snapshot("2", rows: 200),
      ])
    #expect(ran.output.contains("load 0\n"), "\(ran.output)\(ran.errors)")
    #expect(
      ran.errors.contains("statistics of a final table were not gathered")
        && ran.errors.contains("target=public.t"), "\(ran.errors)")
    #expect(try target.psql("SELECT count(*) FROM public.t") == "200")
    #expect(try analyses == 1)
  }

  @Test("a role that may load and owns nothing does not try")
  func loader() throws {
    #expect(try target.load(try snapshot("1", rows: 100)).status == 0)
    #expect(
      try RestageTool.run(["install", "--roles", "--target", target.uri]).status == 0)
    let role = "loader_of_\(target.uri.hashValue.magnitude)"
    try target.psql("CREATE ROLE \(role) LOGIN IN ROLE restage_loader")
    let ran = try RestageTool.run([
      "load", try snapshot("2", rows: 200), "--target",
      target.uri.replacingOccurrences(of: "restage@", with: "\(role)@"),
    ])
    #expect(ran.status == 0, "\(ran.errors)")
    #expect(!ran.errors.contains("statistics") && !ran.errors.contains("analyze"), "\(ran.errors)")
    #expect(try analyses == 1)
  }
}
