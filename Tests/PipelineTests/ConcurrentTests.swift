// Loads that run at the same time: nothing of one is found by the other but what is in the target.

import Foundation
import TestSupport
import Testing

@Suite("Loads at the same time")
struct ConcurrentTests {
  private let source: SmallSource

  init() throws { source = try SmallSource() }

  /// Runs command lines of the tool together; their exit codes in order, and what they wrote to stderr.
  private func together(_ commands: [[String]]) throws -> (statuses: [Int32], errors: String) {
    let lines = commands.enumerated().map { index, arguments in
      let words = ([RestageTool.path] + arguments).map { "'\($0)'" }.joined(separator: " ")
      return "\(words) >/dev/null & pids[\(index)]=$!"
    }
    let ran = try Shell.run(
      "bash",
      [
        "-c",
        lines.joined(separator: "\n") + "\nfor pid in ${pids[@]}; do wait $pid; echo $?; done",
      ])
    return (ran.output.split(separator: "\n").compactMap { Int32($0) }, ran.errors)
  }

  @Test("two first loads of one source into an empty database: one waits or is told to")
  func firstLoads() throws {
    let snapshot = try source.snapshot("1", of: "s", SmallTable("dbo", "T", [[1, 11], [2, 12]]))
    for _ in 0..<3 {
      let target = try TestPostgres()
      let load = ["load", snapshot, "--target", target.uri, "--quiet"]
      let (statuses, errors) = try together([load, load, load])
      #expect(statuses.contains(0), "\(errors)")
      #expect(statuses.allSatisfy { $0 == 0 || $0 == 75 }, "\(statuses) \(errors)")
      #expect(try target.psql("SELECT count(*) FROM public.t") == "2")
    }
  }

  @Test("a load by hand keeps a load of the same source out")
  func byHand() throws {
    let snapshot = try source.snapshot("1", of: "s", SmallTable("dbo", "T", [[1, 11], [2, 12]]))
    let target = try TestPostgres()
    try #expect(target.load(snapshot).status == 0)
    let plan = snapshot + "-plan"
    try #expect(RestageTool.run(["plan", snapshot, "--into", plan, "--quiet"]).status == 0)
    let script = try Shell.run(
      SharedData.packageFolder + "/scripts/print-load-by-hand", [snapshot, plan, "--again"]
    ).output
    let begun = try #require(script.range(of: "\\gset\n", options: .backwards)).upperBound
    let words = "'\(RestageTool.path)' load '\(snapshot)' --target '\(target.uri)' --quiet"
    let load = "\\! \(words); echo \"ends with $?\"\n"
    let file = plan + ".psql"
    try (script[..<begun] + load).write(toFile: file, atomically: true, encoding: .utf8)
    let ran = try Shell.run(
      "psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", target.uri, "-f", file])
    #expect(ran.output.contains("ends with 75"), "\(ran.output)\(ran.errors)")
  }

  @Test("first loads of several sources into an empty database do not meet")
  func firstLoadsOfSources() throws {
    let snapshots = try ["a", "b", "c"].map {
      try source.snapshot($0, of: $0, SmallTable($0, "T", [[1, 11], [2, 12]]))
    }
    for _ in 0..<3 {
      let target = try TestPostgres()
      let (statuses, errors) = try together(
        snapshots.map { ["load", $0, "--target", target.uri, "--quiet"] })
      #expect(statuses == [0, 0, 0], "\(errors)")
      #expect(try target.psql("SELECT count(*) FROM restage.source") == "3")
    }
  }

  @Test("first loads of several sources into one table: all rows, or a run that is to be repeated")
  func firstLoadsOfOneTable() throws {
    let snapshots = try ["a", "b", "c"].map {
      try source.snapshot($0, of: $0, SmallTable("dbo", "T", [[1, 11], [2, 12]]))
    }
    let target = try TestPostgres()
    let loads = snapshots.map { ["load", $0, "--target", target.uri, "--quiet"] }
    let (statuses, errors) = try together(loads)
    #expect(statuses.allSatisfy { $0 == 0 || $0 == 75 }, "\(statuses) \(errors)")
    for load in loads { #expect(try RestageTool.run(load).status == 0) }
    #expect(try target.psql("SELECT count(*) FROM public.t") == "6")
  }

  @Test("one snapshot with two mappings into two targets: each gets its own SQL")
  func twoMappings() throws {
    let snapshot = try source.snapshot(
      "1", of: "s", SmallTable("dbo", "T", [[1, 11], [2, 12]]), SmallTable("dbo", "U", [[1, 1]]))
    let mappings = try ["a", "b"].map { try source.mapping("schemas:\n  dbo: \($0)\n") }
    let before = try listing(of: snapshot)
    let targets = try mappings.map { _ in try TestPostgres() }
    for _ in 0..<3 {
      let (statuses, errors) = try together(
        zip(mappings, targets).flatMap { mapping, target in
          let options = [snapshot, "--target", target.uri, "--mapping", mapping]
          return [["load", "--quiet"] + options]
        })
      #expect(statuses == [0, 0], "\(errors)")
    }
    for (schema, target) in zip(["a", "b"], targets) {
      #expect(try target.psql("SELECT count(*) FROM \(schema).t") == "2")
      let proof = try target.verify(
        snapshot, "--mapping", mappings[schema == "a" ? 0 : 1])
      #expect(proof.status == 0, "\(proof.output)\(proof.errors)")
    }
    #expect(try listing(of: snapshot) == before, "load and verify leave the snapshot as it is")
  }

  @Test("the SQL that ran is kept in the target, once, under the sum that the audit names")
  func keptTexts() throws {
    let snapshot = try source.snapshot("1", of: "s", SmallTable("dbo", "T", [[1, 11]]))
    let target = try TestPostgres()
    for _ in 0..<2 { #expect(try target.load(snapshot).status == 0) }
    let unknown = try target.psql(
      """
      SELECT count(*) FROM restage.migration_audit AS a
      WHERE NOT EXISTS (
        SELECT FROM restage.sql_text AS t
        WHERE t.sha256 = a.metadata->>'sha256'
          AND t.sha256 = encode(sha256(convert_to(t.body, 'UTF8')), 'hex')
      )
      """)
    #expect(unknown == "0")
    let kept = try target.psql(
      """
      SELECT count(*), count(DISTINCT t.sha256) > 10 FROM restage.sql_text AS t
      WHERE NOT EXISTS (SELECT FROM restage.undo_file AS u WHERE u.sha256 = t.sha256)
      """)
    #expect(kept.hasSuffix("|t"))
    #expect(
      kept.split(separator: "|").first.map(String.init)
        == (try target.psql("SELECT count(DISTINCT metadata->>'file') FROM restage.migration_audit"))
    )
  }

  /// Every file with its size and the time of its last change.
  private func listing(of folder: String) throws -> String {
    try Shell.run("bash", ["-c", "find '\(folder)' -printf '%P %s %T@\\n' | sort"]).output
  }
}
