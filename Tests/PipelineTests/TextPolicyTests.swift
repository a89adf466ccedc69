import BackupFixtures
import Catalog
import Foundation
import TestSupport
import Testing

@Suite("Text that PostgreSQL cannot store, on its way from a file to a table")
struct TextPolicyTests {
  private static let database = FixtureDatabase(
    "Notes",
    tables: [
      FixtureTable(
        .fixture("Note", key: "id", [("id", "int"), ("body", "nvarchar(20)")]),
        rows: [
          [.integer(1), .utf16([0x61, 0, 0x62])], [.integer(2), .utf16([0xD83D])],
          [.integer(3), .text("whole")],
        ])
    ])

  @Test(
    "refused, stripped or replaced, as the mapping says",
    arguments: [
      ("fail", Int32(3), ["whole"]), ("strip", 0, ["", "ab", "whole"]),
      ("replace", 0, ["a\u{FFFD}b", "whole", "\u{FFFD}"]),
    ])
  func policies(policy: String, status: Int32, bodies: [String]) throws {
    let folder = try TemporaryFolder()
    let file = try FixtureBackup(Self.database).write(to: "\(folder.path)/notes.bak")[0]
    let mapping = "\(folder.path)/restage.yaml"
    try "tables: { dbo.Note: { columns: { body: { nul: \(policy) } } } }\n"
      .write(toFile: mapping, atomically: true, encoding: .utf8)
    let target = try TestPostgres()
    let rehearsed = try RestageTool.run([
      "run", file, "--mapping", mapping, "--target", target.uri, "--rehearse", "--into",
      "\(folder.path)/rehearsal", "--quiet",
    ])
    #expect(rehearsed.status == status, "as it will end: \(rehearsed.output)\(rehearsed.errors)")
    for _ in 1...2 {
      let ran = try RestageTool.run([
        "run", file, "--mapping", mapping, "--target", target.uri, "--into",
        "\(folder.path)/snapshot-\(UUID().uuidString)", "--quiet",
      ])
      #expect(ran.status == status, "\(ran.output)\(ran.errors)")
      let found = try target.psql("SELECT coalesce(body, 'NULL') FROM public.note")
        .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      #expect(found.sorted() == bodies.sorted())
    }
  }
}
