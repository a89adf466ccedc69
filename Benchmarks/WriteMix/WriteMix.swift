// Writes the backup that the benchmarks read: one wide table as an order system has it. The same
// number of rows gives the same bytes on every machine.

import ArgumentParser
import BackupFixtures
import Catalog

@main
struct WriteMix: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "write-mix", abstract: "Write a backup of one wide table for benchmarks")

  @Argument(help: "The backup to write.") var file: String
  @Option(help: "Rows; 1,000,000 give about 150 MB.") var rows = 7_000_000
  @Flag(help: "Compress the backup.") var compressed = false
  @Flag(help: "Write 14 tables that refer to each other instead of the wide one.") var related =
    false
  @Option(help: "Percent of rows more behind those of each related table, which stay as they are.")
  var added = 0

  func run() throws {
    let database = FixtureDatabase(
      "Mix",
      tables: related
        ? Self.relatedTables(rows, added: added)
        : [FixtureTable(Self.table, rowCount: rows, row: row)])
    try FixtureBackup(database, kind: compressed ? .compressed : .plain).write(to: file)
  }

  private static let table = Table.fixture(
    "OrderLine", key: "OrderLineID",
    [
      ("OrderLineID", "int"), ("OrderID", "int"), ("ProductID", "int"), ("CustomerID", "bigint"),
      ("Quantity", "smallint"), ("UnitPrice", "decimal(18,2)"), ("Discount", "decimal(5,2)"),
      ("OrderedAt", "datetime2(3)"), ("ShippedOn", "date"), ("Status", "tinyint"),
      ("Description", "nvarchar(100)"), ("Remark", "nvarchar(60)"),
    ])

  private static let words = [
    "steel", "bolt", "pump", "valve", "größe", "green", "washer", "kit", "hose", "filter", "small",
    "large", "Ωmega", "spare", "gasket", "housing",
  ]

  /// Row n, from 0; every seventh discount, fifth date and third remark is NULL.
  @Sendable private func row(_ number: Int) -> [FixtureValue] {
    var state = UInt64(number) &* 0x9E37_79B9_7F4A_7C15
    func next(_ bound: Int) -> Int {
      state ^= state >> 30
      state &*= 0xBF58_476D_1CE4_E5B9
      state ^= state >> 27
      return Int(state >> 33) % bound
    }
    func text(_ count: Int) -> FixtureValue {
      .text((0..<count).map { _ in Self.words[next(Self.words.count)] }.joined(separator: " "))
    }
    return [
      .integer(Int64(number + 1)), .integer(Int64(number / 4 + 1)), .integer(Int64(next(50_000))),
      .integer(Int64(next(2_000_000_000)) * 3), .integer(Int64(next(500) + 1)),
      .decimal(UInt128(next(1_000_000))), number % 7 == 0 ? .null : .decimal(UInt128(next(10_000))),
      .timestamp(days: 737_790 + number / 9000 % 1500, ticks: Int64(next(86_400_000)) * 10_000),
      number % 5 == 0 ? .null : .date(days: 737_800 + number / 9000 % 1500),
      .integer(Int64(next(6))), text(3 + next(3)), number % 3 == 0 ? .null : text(2 + next(2)),
    ]
  }

  /// 14 tables of which each refers to the one before and to the first; the shares of rows grow.
  private static func relatedTables(_ rowCount: Int, added: Int) -> [FixtureTable] {
    let names = (1...14).map { "T\($0)" }
    // 1 + 2 + … + 14 = 105 parts.
    let counts = (1...14).map { max(1, rowCount * $0 / 105) }
    return names.indices.map { number in
      let before = max(0, number - 1)
      var table = Table.fixture(
        names[number], key: "ID",
        [
          ("ID", "int"), ("BeforeID", "int"), ("FirstID", "int"), ("Amount", "decimal(12,2)"),
          ("At", "datetime2(3)"), ("Name", "nvarchar(60)"),
        ])
      table.columns[0].identity = Identity(
        seed: 1, increment: 1, lastValue: Int64(counts[number]))
      if number > 0 {
        table.foreignKeys = [("BeforeID", before), ("FirstID", 0)].map { column, parent in
          ForeignKey(
            name: "FK_\(names[number])_\(column)", columns: [column],
            parent: ObjectName("dbo", names[parent]), parentColumns: ["ID"])
        }
      }
      let beforeCount = counts[before]
      let firstCount = counts[0]
      let all = counts[number] + counts[number] * added / 100
      return FixtureTable(table, rowCount: all) { row in
        [
          .integer(Int64(row + 1)), .integer(Int64(row &* 7919 % beforeCount + 1)),
          .integer(Int64(row % firstCount + 1)), .decimal(UInt128(row % 100_000)),
          .timestamp(days: 737_790 + row / 9000 % 1500, ticks: Int64(row % 86_400_000) * 10_000),
          .text("\(words[row % 16]) \(words[row / 16 % 16]) \(row)"),
        ]
      }
    }
  }
}
