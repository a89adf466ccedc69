// A loader killed at any moment leaves the target as it was before or as it is after, and the next
// run finishes the job. One that commits table by table leaves whole tables.

import Foundation
import TestSupport
import Testing

@Suite("Killed loads", .enabled(if: SharedData.isThere, SharedData.skipped))
struct KillTests {
  /// Moments tried in every test run; `RESTAGE_KILLS` asks for more.
  static let killCount =
    ProcessInfo.processInfo.environment["RESTAGE_KILLS"].flatMap { Int($0) } ?? 8

  @Test(
    "SIGKILL at any moment: all rows of the run, or of a table, or none, and the next run completes",
    arguments: ["run", "table"])
  func kill(commit: String) throws {
    let options = ["--quiet", "--commit", commit]
    let folder = try TemporaryFolder()
    let snapshot = "\(folder.path)/snapshot"
    let exported = try RestageTool.run(
      ["export", try SharedData.path("bak/northwind-2005.bak"), "--into", snapshot])
    #expect(exported.status == 0, "\(exported.errors)")
    let undisturbed = try TestPostgres()
    let began = Date()
    let whole = try RestageTool.run(["load", snapshot, "--target", undisturbed.uri] + options)
    #expect(whole.status == 0, "\(whole.errors)")
    let seconds = Date().timeIntervalSince(began)
    let expected = try content(of: undisturbed)
    let expectedDump = try undisturbed.dump()

    let seed = UInt64(Date().timeIntervalSince1970)
    var random = SeededGenerator(seed: seed)
    for _ in 0..<Self.killCount {
      let target = try TestPostgres()
      let delay = Double.random(in: 0...seconds * 1.1, using: &random)
      let killed = try Shell.run(
        "timeout",
        [
          "--signal=KILL", "\(delay)", RestageTool.path, "load", snapshot, "--target", target.uri,
        ] + options)
      let after = try content(of: target)
      let isWhole =
        commit == "run" ? after.isEmpty || after == expected : Set(expected).isSuperset(of: after)
      #expect(
        isWhole,
        "killed after \(delay) s (seed \(seed), status \(killed.status)): neither before nor after")
      let finished = try RestageTool.run(["load", snapshot, "--target", target.uri] + options)
      #expect(finished.status == 0, "seed \(seed), after \(delay) s: \(finished.errors)")
      #expect(try content(of: target) == expected, "seed \(seed), after \(delay) s")
      #expect(try target.dump() == expectedDump, "seed \(seed), after \(delay) s")
    }
  }

  /// Number and hash of each final table's rows; empty where there are no tables.
  private func content(of target: TestPostgres) throws -> [String] {
    let tables = try target.psql(
      """
      SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
      WHERE schemaname = 'public' ORDER BY 1
      """)
    return try tables.split(separator: "\n").map { table in
      "\(table): "
        + (try target.psql(
          "SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM \(table) AS t"))
    }
  }
}
