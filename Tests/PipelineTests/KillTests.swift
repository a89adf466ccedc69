// A loader killed at any moment leaves the target as it was before or as it is after, and the next
// run finishes the job. One that commits table by table leaves tables with all their rows or none.

import Catalog
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

  @Test(
    "SIGKILL at any moment of a second night: the first night or both, and the next run completes")
  func killSecondNight() throws {
    let nights = try TwoNights()
    let seed = UInt64(Date().timeIntervalSince1970)
    var random = SeededGenerator(seed: seed)
    var endings: [String: Int] = [:]
    for number in 0..<Self.killCount {
      let target = try TestPostgres()
      #expect(try target.load(nights.first, nights.options).status == 0)
      let delay = Double.random(in: 0...nights.seconds * 1.1, using: &random)
      let place = "seed \(seed), number \(number), after \(delay) s"
      _ = try Shell.run(
        "timeout",
        [
          "--signal=KILL", "\(delay)", RestageTool.path, "load", nights.second, "--target",
          target.uri, "--quiet",
        ] + nights.options)
      try nights.check(target, place, &endings)
    }
    print("SIGKILL, second night (seed \(seed)): \(endings)")
  }

  @Test(
    "the server's side ends at any moment of a second night: the first night or both",
    arguments: Fault.allCases)
  func killServerSecondNight(_ fault: Fault) throws {
    let nights = try TwoNights()
    let server = try ThrowawayServer()
    let seed = UInt64(Date().timeIntervalSince1970)
    var random = SeededGenerator(seed: seed)
    var endings: [String: Int] = [:]
    for number in 0..<max(Self.killCount / 4, 1) {
      let target = try server.makeDatabase()
      #expect(try target.load(nights.first, nights.options).status == 0)
      let delay = Double.random(in: 0...nights.seconds, using: &random)
      let place = "\(fault), seed \(seed), number \(number), after \(delay) s"
      let ran = try Shell.run(
        "bash",
        ["-c", fault.script(loading: nights.second, nights.options, after: delay, on: server)],
        environment: [
          "URI": target.uri, "CHOICE": "\(UInt64.random(in: 0...UInt64.max, using: &random))",
        ])
      try server.waitUntilReady()
      #expect([0, 69].contains(ran.status), "\(place): \(ran.status) \(ran.errors)")
      try nights.check(target, place, &endings)
    }
    print("\(fault), second night (seed \(seed)): \(endings)")
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

    /// A load during which it happens, ending with the load's status. `$URI` and `$CHOICE` as above.
    func script(
      loading snapshot: String, _ options: [String], after delay: Double, on server: ThrowawayServer
    ) -> String {
      """
      '\(RestageTool.path)' load '\(snapshot)' --target "$URI" --quiet \(options.joined(separator: " ")) &
      loader=$!
      sleep \(delay)
      \(commands(on: server))
      wait "$loader"
      """
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
          fault.script(loading: snapshot, ["--commit", commit], after: delay, on: server),
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

/// Two snapshots of a small database, one after the other, and what each leaves in a target.
private struct TwoNights {
  let first: String
  let second: String
  let options: [String]
  /// How long the second night takes.
  let seconds: Double
  private let source: SmallSource
  private let contents: [String]

  init() throws {
    source = try SmallSource()
    options = [
      "--mapping",
      try source.mapping("on_vanished: delete\nmax_vanished: 100%\nkeep_before: true\n"),
    ]
    first = try Self.snapshot("1", of: source, parents: 1...300, children: 1...4000, value: 7)
    second = try Self.snapshot("2", of: source, parents: 20...330, children: 100...4400, value: 8)
    let target = try TestPostgres()
    #expect(try target.load(first, options).status == 0)
    let before = try Self.content(of: target)
    let began = Date()
    #expect(try target.load(second, options).status == 0)
    seconds = Date().timeIntervalSince(began)
    contents = [before, try Self.content(of: target)]
    #expect(contents[0] != contents[1])
  }

  /// Parents, children with one in ten of them changed, and lines that have no key.
  private static func snapshot(
    _ name: String, of source: SmallSource, parents: ClosedRange<Int>, children: ClosedRange<Int>,
    value: Int
  ) throws -> String {
    var child = SmallTable(
      "dbo", "Child",
      children.map { [$0, $0 % (parents.upperBound - 20) + 20, $0 % 10 == 0 ? value : 0] })
    child.columns = ["Id", "ParentId", "V"]
    child.foreignKeys = [
      ForeignKey(
        name: "FK_Child", columns: ["ParentId"], parent: ObjectName("dbo", "Parent"),
        parentColumns: ["Id"])
    ]
    var line = SmallTable("dbo", "Line", children.map { [$0 % 50, value] })
    line.key = []
    line.hasIdentity = false
    return try source.snapshot(
      name, of: "nights", child, line, SmallTable("dbo", "Parent", parents.map { [$0, $0 % 3] }))
  }

  /// Final rows by their keys in the source, since a night that died took values of sequences with it.
  private static func content(of target: TestPostgres) throws -> String {
    try target.psql(
      """
      SELECT count(*), md5(string_agg(concat_ws(' ', k.source_id, q.source_id, c.v), ',' ORDER BY k.source_id))
      FROM public.child AS c
      LEFT JOIN restage_keymap.nights_public_child AS k ON k.target_key = c.id
      LEFT JOIN restage_keymap.nights_public_parent AS q ON q.target_key = c.parent_id;
      SELECT count(*), md5(string_agg(concat_ws(' ', k.source_id, p.v), ',' ORDER BY k.source_id))
      FROM public.parent AS p
      LEFT JOIN restage_keymap.nights_public_parent AS k ON k.target_key = p.id;
      SELECT count(*), md5(string_agg(l::text, ',' ORDER BY l::text)) FROM public.line AS l;
      SELECT count(*), count(k.vanished_run), md5(string_agg(k.row_hash::text, ',' ORDER BY k.source_id))
      FROM restage_keymap.nights_public_child AS k;
      SELECT count(*), count(k.vanished_run) FROM restage_keymap.nights_public_parent AS k;
      SELECT count(*), count(k.vanished_run) FROM restage_keymap.nights_public_line AS k;
      """)
  }

  /// The target holds the first night or the second one, and the second one once it is loaded again.
  func check(_ target: TestPostgres, _ place: String, _ endings: inout [String: Int]) throws {
    let found = try Self.content(of: target)
    let night = contents.firstIndex(of: found)
    #expect(night != nil, "\(place): neither before nor after")
    endings[night == 0 ? "before" : "after", default: 0] += 1
    let finished = try target.load(second, options)
    #expect(finished.status == 0, "\(place): \(finished.errors)")
    #expect(try Self.content(of: target) == contents[1], "\(place)")
    #expect(try target.verify(second, "--mapping", options[1]).status == 0, "\(place)")
    let unfinished = try target.psql("SELECT count(*) FROM restage.run WHERE status = 'running'")
    #expect(unfinished == "0", "\(place)")
  }
}
