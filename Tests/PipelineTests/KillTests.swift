// A loader killed at any moment leaves the target as it was before or as it is after, and the next
// run finishes the job. One that commits table by table leaves tables with all their rows or none.

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
        commit == "run"
        ? after.isEmpty || after == expected
        : Set(expected).isSuperset(of: withRows(after))
      #expect(
        isWhole,
        "killed after \(delay) s (seed \(seed), status \(killed.status)): neither before nor after")
      let finished = try RestageTool.run(["load", snapshot, "--target", target.uri] + options)
      #expect(finished.status == 0, "seed \(seed), after \(delay) s: \(finished.errors)")
      #expect(try content(of: target) == expected, "seed \(seed), after \(delay) s")
      #expect(try target.dump() == expectedDump, "seed \(seed), after \(delay) s")
    }
  }

  /// What becomes of the server's side of a load.
  enum Fault: CaseIterable {
    /// One of its processes is ended, as an administrator does it.
    case terminated
    /// One of its processes dies, and the server starts all of them anew and recovers.
    case killed
    /// The server is restarted, rolling back what was under way.
    case restarted
    /// The server dies and is started again.
    case crashed

    /// Shell commands. `$URI` is the target, `$CHOICE` a random text.
    func commands(on server: ThrowawayServer) -> String {
      let process =
        "SELECT a.pid FROM pg_stat_activity AS a WHERE a.application_name = 'restage'"
        + " ORDER BY md5(a.pid::text || '$CHOICE') LIMIT 1"
      return switch self {
      case .terminated:
        #"psql -X -A -t -d "$URI" -c "SELECT pg_terminate_backend(p.pid) FROM (\#(process)) AS p""#
      case .killed:
        #"pid=$(psql -X -A -t -d "$URI" -c "\#(process)"); [[ -z $pid ]] || { kill -KILL "$pid"; echo t; }"#
      case .restarted: server.restartCommand("fast") + " && echo t"
      case .crashed: server.restartCommand("immediate") + " && echo t"
      }
    }
  }

  @Test(
    "the server's side ends at any moment: 69, whole runs or tables, and the next run completes",
    arguments: Fault.allCases, ["run", "table"])
  func killServer(_ fault: Fault, commit: String) throws {
    let folder = try TemporaryFolder()
    let snapshot = "\(folder.path)/snapshot"
    let exported = try RestageTool.run(
      ["export", try SharedData.path("bak/northwind-2005.bak"), "--into", snapshot])
    #expect(exported.status == 0, "\(exported.errors)")
    let server = try ThrowawayServer()
    let undisturbed = try server.makeDatabase()
    let began = Date()
    let whole = try undisturbed.load(snapshot, "--commit", commit)
    #expect(whole.status == 0, "\(whole.errors)")
    let seconds = Date().timeIntervalSince(began)
    let expected = try content(of: undisturbed)
    let expectedDump = try dumpWithoutSequences(of: undisturbed)
    // Each of the eight combinations gets its share.
    let count = max(Self.killCount / 4, 1)

    let seed = UInt64(Date().timeIntervalSince1970)
    var random = SeededGenerator(seed: seed)
    var hits = 0
    var endings: [Int32: Int] = [:]
    for number in 0..<count {
      let target = try server.makeDatabase()
      let delay = Double.random(in: 0...seconds, using: &random)
      let place = "\(fault), commit \(commit), seed \(seed), number \(number), after \(delay) s"
      let ran = try Shell.run(
        "bash",
        [
          "-c",
          """
          '\(RestageTool.path)' load '\(snapshot)' --target "$URI" --quiet --commit \(commit) &
          loader=$!
          sleep \(delay)
          \(fault.commands(on: server))
          wait "$loader"
          """,
        ],
        environment: [
          "URI": target.uri, "CHOICE": "\(UInt64.random(in: 0...UInt64.max, using: &random))",
        ]
      )
      try server.waitUntilReady()
      if ran.output.contains("t\n") { hits += 1 }
      endings[ran.status, default: 0] += 1
      let after = try content(of: target)
      #expect([0, 69].contains(ran.status), "\(place): \(ran.status) \(ran.errors)")
      let isWhole =
        after == expected
        || (ran.status != 0
          && (commit == "run" ? after.isEmpty : Set(expected).isSuperset(of: withRows(after))))
      #expect(isWhole, "\(place), status \(ran.status): neither before nor after")
      let finished = try target.load(snapshot, "--commit", commit)
      #expect(finished.status == 0, "\(place): \(finished.errors)")
      #expect(try content(of: target) == expected, "\(place)")
      #expect(try dumpWithoutSequences(of: target) == expectedDump, "\(place)")
      let unfinished = try target.psql("SELECT count(*) FROM restage.run WHERE status = 'running'")
      #expect(unfinished == "0", "\(place)")
    }
    print("\(fault), commit \(commit): \(hits) of \(count) hit a load (seed \(seed)): \(endings)")
    #expect(hits > 0 || count < 20, "no moment hit a load")
  }

  /// A table whose rows have their keys only is there and empty.
  private func withRows(_ content: [String]) -> [String] {
    content.filter { !$0.hasSuffix(": 0|") }
  }

  /// After a crash sequences are up to 32 values ahead: the server writes that many to its log at once.
  private func dumpWithoutSequences(of target: TestPostgres) throws -> String {
    try target.dump().split(separator: "\n").filter { !$0.contains("pg_catalog.setval(") }
      .joined(separator: "\n")
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
