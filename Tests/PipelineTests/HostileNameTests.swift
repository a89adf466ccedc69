// Names that try to end a literal, a comment, a path or a command, through everything that a DBA does
// with a plan.

import Catalog
import Foundation
import TestSupport
import Testing

@Suite("Hostile names, from the plan to the rollback")
struct HostileNameTests {
  private static let names = [
    "Customer\"; DROP TABLE x; --", "100% /* it's */ %s $1", "$restage$ \\copy :x", "-f ..",
    "a\nDROP TABLE y; --", "ÑandÚ 🎈", "select",
  ]

  private let source: SmallSource
  private let folder: String

  init() throws {
    source = try SmallSource()
    folder = source.folder.path
  }

  /// Tables with these names whose columns and foreign keys have them too.
  private func snapshot(_ night: Int) throws -> String {
    func table(_ place: Int) -> SmallTable {
      let name = Self.names[place]
      var table = SmallTable(
        "dbo", name, [[1, 1], [2, 1], [3 + night, 2]] + (place == 1 ? [[9, 77]] : []))
      table.columns = ["Id of \(name)", Self.names[(place + 1) % Self.names.count]]
      table.key = [table.columns[0]]
      table.notes = [1: "it's \(night)", 2: "\\."]
      if place > 0 {
        table.foreignKeys = [
          ForeignKey(
            name: "FK \(name)", columns: [table.columns[1]],
            parent: ObjectName("dbo", Self.names[place - 1]),
            parentColumns: ["Id of \(Self.names[place - 1])"])
        ]
      }
      return table
    }
    return try source.snapshot(
      "snap shot's \(night)", of: "Small", table(0), table(1), table(2), table(3), table(4),
      table(5), table(6))
  }

  private func mapping(_ names: String, _ more: String = "") throws -> String {
    try source.mapping(
      """
      source: "O'Brien \\"x\\" %s -- $restage$"
      names: \(names)
      on_orphan: reject
      keep_before: true
      \(more)
      """)
  }

  @Test(
    "what was approved loads, by hand too; --diff, a rehearsal and a rollback work",
    arguments: ["snake_case", "lower", "preserve"])
  func wholeWay(names: String) throws {
    let snapshots = try [snapshot(0), snapshot(1)]
    let mapping = try mapping(names)
    let plan = "\(folder)/plan it's"
    let planned = try RestageTool.run(
      ["plan", snapshots[0], "--mapping", mapping, "--into", plan])
    #expect(planned.status == 0, "\(planned.errors)")
    let lock = "\(folder)/approved.lock"
    let summed = try Shell.run(
      "bash",
      [
        "-c",
        "cd \"$PLAN\" && sha256sum ddl/*.sql merge/*/*.sql undo/*.sql undo/*/*.sql > \"$LOCK\"",
      ],
      environment: ["PLAN": plan, "LOCK": lock])
    #expect(summed.status == 0, "\(summed.errors)")

    let target = try TestPostgres()
    try target.psql("CREATE TABLE public.x (a integer); CREATE TABLE public.y (a integer)")
    let options = ["--mapping", mapping, "--require-approved", lock]
    let rehearsed = try target.load(snapshots[0], options + ["--rehearse"])
    #expect(rehearsed.status == 3, "\(rehearsed.output)\(rehearsed.errors)")
    #expect(try target.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "2")
    let loaded = try target.load(snapshots[0], options)
    #expect(loaded.status == 3, "\(loaded.output)\(loaded.errors)")
    #expect(numbers(loaded.output) == numbers(rehearsed.output))
    #expect(try target.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "9")
    let before = try rows(of: target)

    let byHand = try TestPostgres()
    try expectByHand(snapshots[0], plan, on: byHand)
    #expect(try rows(of: byHand) == before, "by hand")

    let second = try target.load(snapshots[1], options)
    #expect(second.status == 3, "\(second.output)\(second.errors)")
    let proof = try target.verify(snapshots[1], "--mapping", mapping)
    #expect(proof.status == 3, "\(proof.output)\(proof.errors)")
    #expect(try rows(of: target) != before)
    try expectByHand(snapshots[1], plan, on: byHand, "--again")
    let handProof = try byHand.verify(snapshots[1], "--mapping", mapping)
    #expect(handProof.status == 3, "\(handProof.output)\(handProof.errors)")

    let back = try RestageTool.run(
      ["rollback", "last", "--target", target.uri, "--require-approved", lock])
    #expect(back.status == 0, "\(back.output)\(back.errors)")
    #expect(try rows(of: target) == before, "taken back")
    try expectDifference(from: plan, snapshots[0], names)
  }

  private func expectByHand(
    _ snapshot: String, _ plan: String, on target: TestPostgres, _ again: String...
  ) throws {
    if again.isEmpty { try target.psql(try RestageTool.run(["install", "--print"]).output) }
    let printed = try Shell.run(
      SharedData.packageFolder + "/scripts/print-load-by-hand", [snapshot, plan] + again)
    #expect(printed.status == 0, "\(printed.errors)")
    let script = "\(folder)/load.psql"
    try printed.output.write(toFile: script, atomically: true, encoding: .utf8)
    let ran = try Shell.run(
      "psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", target.uri, "-f", script])
    #expect(ran.status == 0, "\(ran.errors)")
  }

  private func expectDifference(from plan: String, _ snapshot: String, _ names: String) throws {
    let other = try mapping(names, "on_changed: report")
    let difference = try RestageTool.run(
      ["plan", snapshot, "--mapping", other, "--into", "\(folder)/new plan", "--diff", plan])
    #expect(difference.status == 0, "\(difference.errors)")
    let changed = difference.output.split(separator: "\n").filter { $0.hasPrefix("changed ") }
    #expect(changed.count { $0.hasSuffix("/50_update.sql") } == 7, "\(changed)")
    #expect(!changed.contains { $0.hasSuffix("/40_insert.sql") }, "\(changed)")
    let refused = try TestPostgres().load(
      snapshot, ["--mapping", other, "--require-approved", "\(folder)/approved.lock"])
    #expect(refused.status == 77, "\(refused.errors)")
  }

  /// The answer without what differs from run to run.
  private func numbers(_ output: String) -> [Substring] {
    output.split(separator: "\n").filter { $0.contains("public") }
  }

  /// Every row of every final table, under the table's name.
  private func rows(of target: TestPostgres) throws -> String {
    try target.psql(
      """
      SELECT format('SELECT %L::text AS a, t::text AS b FROM %I.%I AS t ORDER BY b', tablename, schemaname, tablename)
      FROM pg_tables
      WHERE schemaname = 'public' AND tablename NOT IN ('x', 'y')
      ORDER BY tablename
      \\gexec
      """)
  }
}
