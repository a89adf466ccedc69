// Databases of more than 4 GB, that is of several GAM intervals: written with holes where nothing is
// allocated, so that they cost what their rows cost.

import BackupFixtures
import Catalog
import Foundation
import Staging
import TestSupport
import Testing

@Suite("Databases over 4 GB", .serialized)
struct LargeFileTests {
  /// The bound that docs/bak-support.md states, for the tool as the tests build it.
  private static let memoryMax = 96 << 20
  /// What the peak may differ by between a file and one of ten times the rows and a hundred times the
  /// pages: little more than what differs between two runs.
  private static let memoryGrowthMax = 16 << 20
  private static let extentsPerInterval = 63_904

  /// - Parameter extents: Where in the file the rows of each of three tables begin.
  private func database(rowCount: Int, extents: [Int]) -> FixtureDatabase {
    let tables = extents.enumerated().map { number, extent in
      var table = FixtureTable(
        .fixture(
          "T\(number)", key: number == 1 ? nil : "id",
          [("id", "int"), ("a", "char(900)"), ("b", "varchar(max)")]), rowCount: rowCount
      ) { row in
        [
          .integer(Int64(row)), .text("row \(row) of table \(number)"),
          .text(row % 500 == 0 ? String(repeating: "b", count: 20_000) : "b\(row)"),
        ]
      }
      table.storage.firstExtent = extent
      return table
    }
    return FixtureDatabase("Large", tables: tables)
  }

  /// Exports by the tool as a process of its own, and asks the system for its peak of memory.
  private func export(_ source: String, into snapshot: String) throws -> (peak: Int, text: String) {
    let script = """
      import resource, subprocess, sys
      status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
      print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
      sys.exit(status)
      """
    let ran = try Shell.run(
      "python3",
      [
        "-c", script, RestageTool.path, "export", source, "--into", snapshot, "--jobs", "2",
        "--quiet",
      ])
    #expect(ran.status == 0, "\(ran.errors)")
    let kilobytes = try #require(Int(ran.output.trimmingCharacters(in: .whitespacesAndNewlines)))
    return (kilobytes * 1024, ran.errors)
  }

  /// Every row of the snapshot is the one that was described, in its order.
  private func expectRows(_ database: FixtureDatabase, in path: String) throws {
    let snapshot = try Snapshot(opening: path)
    #expect(snapshot.manifest.tables.map(\.rows) == database.tables.map(\.rowCount))
    for (fixture, table) in zip(database.tables, snapshot.manifest.tables) {
      var found: [Substring] = []
      for chunk in table.chunks {
        let text = try String(contentsOfFile: snapshot.chunkPath(chunk, of: table), encoding: .utf8)
        found += text.split(separator: "\n").map { Substring(String($0)) }
      }
      let ids = Set(found.compactMap { Int($0.prefix { $0 != "," }) })
      #expect(ids == Set(0..<fixture.rowCount), "\(table.table)")
      let isWhole = found.allSatisfy { line in
        let id = line.prefix { $0 != "," }
        return line.dropFirst(id.count + 1).hasPrefix("row \(id) of table ")
      }
      #expect(isWhole, "\(table.table)")
    }
  }

  @Test("rows beyond 4 and 8 GB come out, in memory that does not grow with the file")
  func rowsFarOut() throws {
    let folder = try TemporaryFolder()
    let small = database(rowCount: 800, extents: [40, 400, 800])
    let interval = Self.extentsPerInterval
    // The first table begins in the first interval and ends in the second, the last one lies in the
    // third: behind 4 and 8 GB.
    let large = database(
      rowCount: 8000, extents: [interval - 60, interval + 9000, 2 * interval + 300])
    var peaks: [String: Int] = [:]
    for (name, database) in [("small", small), ("large", large)] {
      let file = "\(folder.path)/\(name).mdf"
      try FixtureWriter(database).writeMDF(to: file)
      let backup = "\(folder.path)/\(name).bak"
      try FixtureBackup(database, kind: .compressed).write(to: backup)
      for source in [file, backup] {
        let snapshot = source + ".snapshot"
        peaks[name + source.suffix(4)] = try export(source, into: snapshot).peak
        try expectRows(database, in: snapshot)
      }
    }
    let length = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/large.mdf")[.size]
    #expect((length as? Int ?? 0) > 8_000_000_000)
    for kind in [".mdf", ".bak"] {
      let (small, large) = (
        try #require(peaks["small" + kind]), try #require(peaks["large" + kind])
      )
      #expect(large < Self.memoryMax, "\(peaks)")
      #expect(large - small < Self.memoryGrowthMax, "\(peaks)")
    }
  }
}
