import Catalog
import Foundation
import Staging
import TestSupport
import Testing

@Suite("Cells agree with the slow encoder and with PostgreSQL")
struct AgreementTests {
  @Test("one line a value, as the slow and obvious encoder has it", arguments: ValueKind.all)
  func agreesWithSlowEncoder(_ kind: ValueKind) throws {
    print("seed \(SeededGenerator.seed)")
    var generator = SeededGenerator(1)
    // Swift and PostgreSQL choose other digits midway between two numbers.
    let values = kind.values(300, &generator).filter { !Self.isMidway($0) }
    for (limits, pieceLength) in [(StagingLimits(), 0), (.tiny, 0), (.tiny, 1), (.tiny, 7)] {
      let written = try write(values, of: kind.type, limits: limits, pieceLength: pieceLength)
      let expected = values.enumerated().map { "\($0),\($1.slowCell)\n" }
      #expect(try differences(written, expected.joined()) == [])
    }
  }

  @Test("one line a value, as COPY prints it", arguments: ValueKind.all)
  func agreesWithPostgreSQL(_ kind: ValueKind) throws {
    print("seed \(SeededGenerator.seed)")
    var generator = SeededGenerator(2)
    let values = kind.values(500, &generator)
    let type = kind.type.csvType
    let printed = try copy(values, of: type)
    #expect(try differences(try write(values, of: kind.type), printed) == [])
  }

  @Test("instants that an offset moves out of the calendar")
  func instantsBeyondTheCalendar() throws {
    let values: [TypedValue] = [
      .instant(days: -1, ticks: 360_000_000_000), .instant(days: -1, ticks: 360_001_234_560),
      .instant(days: 3_652_059, ticks: 0), .instant(days: 3_652_059, ticks: 503_999_999_990),
    ]
    let type = ColumnType(.datetimeoffset, scale: 7)
    #expect(try write(values, of: type) == copy(values, of: type.csvType))
  }

  @Test("lines of a single column, where an end-of-data mark could stand")
  func singleColumn() throws {
    let texts = ["\\.", "", "\\.x", "a", "x,y", " \\.", "\\", "."]
    let values = [TypedValue.null] + texts.map { TypedValue.text($0) }
    let folder = try ScratchFolder()
    let table = makeTable([ColumnType(.nvarchar, isMax: true)], keyCount: 0)
    let manifest = try writeSnapshot(table, into: folder.path) { writer in
      for value in values {
        writer.beginRow()
        value.write(to: &writer)
        try writer.endRow()
      }
    }
    let rows = values.enumerated().map { "(\($0), \($1.sql))" }.joined(separator: ", ")
    let printed = try output(
      of: """
        CREATE TEMPORARY TABLE t (id integer, v text);
        INSERT INTO t VALUES \(rows);
        COPY (SELECT v FROM t ORDER BY id) TO STDOUT (FORMAT csv);
        """)
    #expect(try csv(manifest, in: folder.path) == printed)
  }

  private func write(
    _ values: [TypedValue], of type: ColumnType, limits: StagingLimits = StagingLimits(),
    pieceLength: Int = 0
  ) throws -> String {
    let folder = try ScratchFolder()
    let table = makeTable([ColumnType(.int), type])
    let manifest = try writeSnapshot(table, into: folder.path, limits: limits) { writer in
      for (index, value) in values.enumerated() {
        writer.beginRow()
        writer.write(integer: Int64(index))
        if pieceLength > 0 {
          value.write(to: &writer, pieceLength: pieceLength)
        } else {
          value.write(to: &writer)
        }
        try writer.endRow()
      }
    }
    #expect(manifest.rows == values.count)
    return try csv(manifest, in: folder.path)
  }

  private func copy(_ values: [TypedValue], of type: String) throws -> String {
    let rows = values.enumerated().map { "(\($0), (\($1.sql))::\(type))" }
    return try output(
      of: """
        CREATE TEMPORARY TABLE t (id integer, v \(type));
        INSERT INTO t VALUES
        \(rows.joined(separator: ",\n"));
        SET datestyle = 'ISO';
        SET timezone = 'UTC';
        SET bytea_output = 'hex';
        SET extra_float_digits = 1;
        COPY (SELECT id, v FROM t ORDER BY id) TO STDOUT (FORMAT csv, ENCODING 'UTF8');
        """)
  }

  private static let database = Result { try TestPostgres() }

  /// Runs SQL in a session whose tables nobody else sees and returns every byte that psql prints.
  private func output(of sql: String) throws -> String {
    let database = try Self.database.get()
    let arguments = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database.uri, "-f", "-"]
    let ran = try Shell.run("psql", arguments, input: sql)
    try #require(ran.status == 0, "\(ran.errors.prefix(500))")
    return ran.output
  }

  /// The first lines that are not the same, each with the other's.
  private func differences(_ left: String, _ right: String) throws -> [String] {
    if left == right { return [] }
    let lines = [left, right].map { $0.split(separator: "\n", omittingEmptySubsequences: false) }
    let pairs = zip(lines[0], lines[1]).filter { $0 != $1 }.prefix(5)
    return pairs.map { "\($0) instead of \($1)" } + ["\(lines[0].count), \(lines[1].count) lines"]
  }

  private static func isMidway(_ value: TypedValue) -> Bool {
    switch value {
    case .double(let value): abs(value) >= 0x1p52 && abs(value) < 1e40
    case .float(let value): abs(value) >= 0x1p22 && abs(value) < 1e20
    default: false
    }
  }
}
