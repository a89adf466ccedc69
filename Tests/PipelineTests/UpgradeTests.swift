// A target on which an earlier version of the database part has been at work.

import Catalog
import Foundation
import TestSupport
import Testing

@Suite("An earlier version of schema restage is brought up to date")
struct UpgradeTests {
  /// What the tool of version 1.0 left after two loads of `nights`: see `sql/test/data`.
  private static let loaded = SharedData.packageFolder + "/sql/test/data/loaded-1.0.sql"
  private static let earlier = SharedData.packageFolder + "/sql/restage--1.0.sql"

  private let source: SmallSource
  private let mapping: String

  init() throws {
    source = try SmallSource()
    mapping = try source.mapping(
      """
      source: small
      on_orphan: reject
      on_vanished: mark
      max_vanished: 100%
      keep_before: true
      """)
  }

  private func snapshot(_ night: Int) throws -> String {
    let parents = [[[1, 10], [2, 20], [3, 30]], [[1, 11], [2, 20], [4, 40]]]
    var child = SmallTable(
      "dbo", "Ch'ild \"x\"", [[[1, 1], [2, 2], [3, 9]], [[1, 2], [2, 2], [3, 9]]][night])
    child.foreignKeys = [
      ForeignKey(
        name: "FK child", columns: ["V"], parent: ObjectName("dbo", "Parent"),
        parentColumns: ["Id"])
    ]
    child.notes = [1: "one", 2: "Ünï'\"\\"]
    return try source.snapshot(
      UUID().uuidString, of: "Small", SmallTable("dbo", "Parent", parents[night]), child)
  }

  /// A target as version 1.0 left it.
  private func earlierTarget() throws -> TestPostgres {
    let target = try TestPostgres()
    for path in [Self.earlier, Self.loaded] {
      try target.psql(
        "SET client_min_messages = warning;\n" + String(contentsOfFile: path, encoding: .utf8))
    }
    return target
  }

  private func expectVersion(_ version: String, of target: TestPostgres) throws {
    #expect(try target.psql("SELECT restage.version()") == version)
  }

  @Test("restage install keeps the rows, and loads, proof and rollback go on from there")
  func install() throws {
    let target = try earlierTarget()
    for arguments in [["status"], ["rollback", "last"], ["doctor"]] {
      let early = try RestageTool.run(arguments + ["--target", target.uri])
      #expect(early.status == 76, "\(early.output)\(early.errors)")
      #expect(
        (early.errors + early.output).contains("restage install brings it up to date"),
        "\(early.output)\(early.errors)")
    }
    let rows =
      "SELECT p.* FROM public.parent AS p ORDER BY p.id; SELECT c.* FROM public.ch_ild_x AS c"
    let before = try target.psql(rows)
    let installed = try RestageTool.run(["install", "--target", target.uri])
    #expect(installed.status == 0, "\(installed.errors)")
    #expect(installed.output == "schema restage was version 1.0 and is upgraded\n")
    try expectVersion("1.1", of: target)
    #expect(try target.psql(rows) == before)

    let quiet = try target.load(try snapshot(1), "--mapping", mapping)
    #expect(quiet.status == 3, "\(quiet.errors)")
    #expect(try target.psql(rows) == before, "nothing doubled: \(quiet.output)")
    let proof = try target.verify(try snapshot(1), "--mapping", mapping)
    #expect(proof.status == 3, "\(proof.output)\(proof.errors)")

    // The second run of the version before, with the SQL that it stored.
    for _ in 0..<2 {
      let back = try RestageTool.run(["rollback", "last", "--target", target.uri])
      #expect(back.status == 0, "\(back.output)\(back.errors)")
    }
    #expect(try target.psql("SELECT p.v FROM public.parent AS p ORDER BY p.v") == "10\n20\n30")
    let again = try target.load(try snapshot(1), "--mapping", mapping)
    #expect(again.status == 3, "\(again.errors)")
    #expect(try target.psql("SELECT count(*), count(DISTINCT v) FROM public.parent") == "4|4")
  }

  @Test("a load does it by itself, and so does the next run of several at once")
  func load() throws {
    let target = try earlierTarget()
    let count = "SELECT count(*) FROM public.parent"
    let before = try target.psql(count)
    let loaded = try target.load(try snapshot(1), "--mapping", mapping)
    #expect(loaded.status == 3, "\(loaded.errors)")
    try expectVersion("1.1", of: target)
    #expect(try target.psql(count) == before)

    let other = try earlierTarget()
    let ran = try Shell.run(
      "bash",
      [
        "-c",
        """
        for i in 1 2 3; do
          '\(RestageTool.path)' install --quiet --target '\(other.uri)' &
          installs[i]=$!
        done
        for install in "${installs[@]}"; do wait "$install" || exit 1; done
        echo all
        """,
      ])
    #expect(ran.output.hasSuffix("all\n"), "\(ran.output)\(ran.errors)")
    try expectVersion("1.1", of: other)
  }

  @Test("77: a role that may only load is told who has to")
  func loader() throws {
    let target = try earlierTarget()
    let roles = SharedData.packageFolder + "/sql/roles.sql"
    try target.psql(
      "SET client_min_messages = warning;\n" + String(contentsOfFile: roles, encoding: .utf8)
        + "CREATE ROLE \"night ly_\(getpid())\" LOGIN IN ROLE restage_loader;")
    let loader = target.uri.replacingOccurrences(of: "restage@", with: "night%20ly_\(getpid())@")
    let snapshot = try snapshot(1)
    let arguments = ["load", snapshot, "--mapping", mapping, "--quiet", "--target"]
    let refused = try RestageTool.run(arguments + [loader])
    #expect(refused.status == 77, "\(refused.errors)")
    #expect(
      refused.errors.contains(
        "schema restage has version 1.0, this restage works with 1.1, and \"night ly_\(getpid())\" "
          + "does not own it; have restage_owner run restage install on this target"),
      "\(refused.errors)")
    try expectVersion("1.0", of: target)

    let installed = try RestageTool.run(["install", "--roles", "--target", target.uri])
    #expect(installed.status == 0, "\(installed.errors)")
    let loaded = try RestageTool.run(arguments + [loader])
    #expect(loaded.status == 3, "\(loaded.errors)")
  }

  @Test("76: a version that this program does not know", arguments: ["1.2", "0.9", "2.0 \"x\""])
  func unknown(version: String) throws {
    let target = try earlierTarget()
    try target.psql(
      """
      CREATE OR REPLACE FUNCTION restage.version() RETURNS text
      LANGUAGE sql IMMUTABLE AS $$ SELECT '\(version)'::text $$
      """)
    for arguments in [["install"], ["load", try snapshot(1), "--mapping", mapping]] {
      let refused = try RestageTool.run(arguments + ["--quiet", "--target", target.uri])
      #expect(refused.status == 76, "\(refused.errors)")
      #expect(
        refused.errors.contains("schema restage has version \(version) on this target"),
        "\(refused.errors)")
    }
    try expectVersion(version, of: target)
    #expect(try target.psql("SELECT count(*) FROM restage.run") == "2")
  }
}
