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

  func run() throws {
    let database = FixtureDatabase("Mix", tables: [FixtureTable(Self.table, rowCount: rows, row: row)])
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
}
