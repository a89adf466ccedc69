import BackupFixtures
import Catalog
import Foundation
import Staging
import TDSFixtures
import TestSupport
import Testing

/// db-lib holds a row whole. What an export holds of a large value is what it asked for.
@Suite("Large values of a live server")
struct LargeValueTests {
  private static let mebibyte = 1 << 20

  /// Values by the length that the server keeps, around the limit of 1 MiB.
  private static func database(_ type: String, _ value: @escaping @Sendable (Int) -> FixtureValue)
    -> FixtureDatabase
  {
    let lengths = [10, mebibyte, mebibyte + 2, 2 * mebibyte, 12, 10]
    return FixtureDatabase(
      "Large",
      tables: [
        FixtureTable(
          .fixture("T", key: "id", [("id", "int"), ("v", type), ("w", "nvarchar(20)")]),
          rows: lengths.enumerated().map { row, length in
            [.integer(Int64(row)), row == 5 ? .null : value(length), .text("row, \(row)")]
          })
      ])
  }

  private func export(
    _ database: FixtureDatabase, _ options: String...
  ) throws -> ExportedSnapshot {
    let server = try DatabaseAnswers(database).serve()
    return try withExtendedLifetime(server) {
      try ExportedSnapshot(
        of: "mssql://sa@127.0.0.1:\(server.port)/Large?encrypt=off", options: options)
    }
  }

  static let types: [(String, @Sendable (Int) -> FixtureValue)] = [
    ("varbinary(max)", { .bytes([UInt8](repeating: 7, count: $0)) }),
    ("varchar(max)", { .text(String(repeating: "x", count: $0)) }),
    ("nvarchar(max)", { .text(String(repeating: "ж", count: $0 / 2)) }),
    ("text", { .text(String(repeating: "t", count: $0)) }),
    ("ntext", { .text(String(repeating: "n", count: $0 / 2)) }),
    ("image", { .bytes([UInt8](repeating: 255, count: $0)) }),
  ]

  @Test("what is larger than the limit is a reject with its key, all else is whole")
  func limit() throws {
    for (type, value) in Self.types {
      let database = Self.database(type, value)
      let snapshot = try export(database, "--max-value", "1")
      #expect(snapshot.outcome.status == 3, "\(type): \(snapshot.outcome.errors)")
      let table = try #require(try snapshot.opened().manifest.tables.first)
      #expect(table.rows == 4 && table.rejects == 2, "\(type)")
      let reason = "a value of more than 1048576 bytes, the largest that this export was to take"
      let lines = try snapshot.rejects(of: table, inOrder: true)
      #expect(
        lines.map { String(decoding: $0, as: UTF8.self) }
          == [
            "reason,column,key,position", #""\#(reason)",v,"{""id"": 2}",3"#,
            #""\#(reason)",v,"{""id"": 3}",4"#,
          ], "\(type)")
      let other = try export(database, "--max-value", "1", "--engine", "freebcp")
      #expect(other.outcome.status == 3, "\(type): \(other.outcome.errors)")
      #expect(try other.opened().manifest.tables == snapshot.opened().manifest.tables)
      #expect(try other.rejects(of: table, inOrder: true) == lines)
      let whole = try export(database)
      #expect(whole.outcome.status == 0, "\(type): \(whole.outcome.errors)")
      let all = try #require(try whole.opened().manifest.tables.first)
      let records = try whole.records(of: all, inOrder: true)
      let isSame =
        try snapshot.records(of: table, inOrder: true)
        == [0, 1, 4, 5].map { records[$0] }
      #expect(all.rows == 6 && isSame, "\(type)")
    }
  }

  @Test("a value of 400 MB takes no more memory than the limit says")
  func memory() throws {
    let size = 400 * Self.mebibyte
    let bytes = [UInt8](repeating: 0xAB, count: size)
    let database = FixtureDatabase(
      "Large",
      tables: [
        FixtureTable(
          .fixture("T", key: "id", [("id", "int"), ("v", "varbinary(max)")]),
          rows: [[.integer(1), .bytes([1])], [.integer(2), .bytes(bytes)], [.integer(3), .null]])
      ])
    let server = try DatabaseAnswers(database).serve()
    let folder = try TemporaryFolder()
    // Measured by a small process: a child begins with the size of what it was forked from.
    let program = """
      import resource, subprocess, sys
      status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
      print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
      """
    let outcome = try withExtendedLifetime(server) {
      try Shell.run(
        "python3",
        [
          "-c", program, RestageTool.path, "export",
          "mssql://sa@127.0.0.1:\(server.port)/Large?encrypt=off", "--into",
          "\(folder.path)/s", "--max-value", "8",
        ], environment: ["RESTAGE_SOURCE_PASSWORD": "Pässword1"])
    }
    let numbers = outcome.output.split { $0.isWhitespace }.compactMap { Int($0) }
    try #require(numbers.count == 2, "\(outcome.errors)")
    #expect(numbers[0] == 3)
    #expect(numbers[1] < 128 << 10, "\(numbers[1]) KiB")
    let table = try #require(try Snapshot(opening: "\(folder.path)/s").manifest.tables.first)
    #expect(table.rows == 2 && table.rejects == 1)
  }

  @Test("a limit that is none is refused")
  func usage() throws {
    #expect(
      try export(Self.database("image") { _ in .null }, "--max-value", "0").outcome.status == 64)
    let file = try ExportedSnapshot(of: "some.bak", options: ["--max-value", "8"])
    #expect(file.outcome.status == 64)
    #expect(file.outcome.errors.contains("for live servers"))
  }
}
