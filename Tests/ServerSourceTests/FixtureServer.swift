// A TDS server that answers ServerSource's questions about a described database, by the name in the
// first line of each batch.

import BackupFixtures
import Catalog
import TDSFixtures

@testable import ServerSource

/// What a described server says.
struct FixtureAnswers: Sendable {
  var database: FixtureDatabase
  /// 14 is SQL Server 2017.
  var productVersion = "14.0.3456.2"
  var allowsSnapshot = true
  var mayViewDefinition = true
  var mayUnmask = true
  var unreadable: Set<ObjectName> = []
  var filtered: Set<ObjectName> = []
  var memoryOptimized: Set<ObjectName> = []
  var masked: Set<String> = []
  var encrypted: Set<String> = []
  /// Answers that come instead of those below, by batch name; nil is "no such view".
  var overrides: [String: ResultSet?] = [:]
  /// How many rows fewer than there are COUNT_BIG says there are.
  var missingFromCount = 0
  /// What the server says of how a query for rows ended.
  var errorAtEnd = 0
  var usesNullBitmap = false
  /// Speaks like SQL Server 2014 and gives text as nvarchar.
  var isBabelfish = false

  init(_ database: FixtureDatabase) { self.database = database }

  func response(_ batch: Batch) throws -> Response {
    if let override = overrides[batch.name] {
      guard let override else { throw ServerMessage(208, "Invalid object name 'sys.x'.") }
      return batch.name.hasPrefix("rows ")
        ? Response(override, trailer(override)) : Response(override)
    }
    if batch.name.isEmpty || batch.name.hasPrefix("session") || batch.name == "snapshot" {
      return Response([.statement(rowCount: nil)])
    }
    if batch.name.hasPrefix("rows ") {
      let rows = try table(batch)
      return Response(rows, trailer(rows))
    }
    if batch.name.hasPrefix("count ") { return Response(try table(batch)) }
    guard let answer = catalog(batch.name) else {
      throw ServerMessage(2812, "no answer to \(batch.name)")
    }
    return Response(answer)
  }

  private func trailer(_ rows: ResultSet) -> ResultSet {
    .of(
      ["error_number", "row_count:b"],
      [[.integer(Int64(errorAtEnd)), .integer(Int64(rows.rowCount))]])
  }

  private func table(_ batch: Batch) throws -> ResultSet {
    let (verb, name) =
      batch.name.firstIndex(of: " ").map {
        (batch.name[..<$0], String(batch.name[$0...].dropFirst()))
      } ?? ("", "")
    guard let table = database.tables.first(where: { $0.table.name.fileName == name }) else {
      throw ServerMessage(208, "Invalid object name '\(name)'.")
    }
    if verb == "count" {
      return ResultSet(
        [ResultColumn("row_count", "bigint")],
        rows: [[.integer(Int64(table.rowCount - missingFromCount))]])
    }
    return table.wire(usesNullBitmap: usesNullBitmap, isBabelfish: isBabelfish)
  }

  /// Starts a server that gives these answers.
  func serve(
    _ configuration: TDSServer.Configuration? = nil, faults: FaultPlan = FaultPlan()
  ) throws -> TDSServer {
    let own = TDSServer.Configuration(databases: [database.catalog.name])
    return try TDSServer(configuration ?? own, faults: faults) { try response($0) }
  }
}

extension TDSServer {
  /// The address of a login that the fixtures let in.
  func address(_ database: String, options: String = "") throws -> ServerAddress {
    let name = database.utf8.map { byte -> String in
      let hex = String(byte, radix: 16)
      return hex.count == 1 ? "%0\(hex)" : "%\(hex)"
    }.joined()
    return try ServerAddress("mssql://sa@127.0.0.1:\(port)/\(name)?encrypt=off\(options)")
  }

  static let password = "Pässword1"
}

// MARK: - Rows

extension FixtureTable {
  /// The rows as the server answers ServerSource's query: text as varbinary.
  func wire(usesNullBitmap: Bool = false, isBabelfish: Bool = false) -> ResultSet {
    let columns = table.storedColumns.map { WireColumn(column: $0, isUnicode: isBabelfish) }
    var form = ResultSet.Form()
    form.usesNullBitmap = usesNullBitmap
    return ResultSet(
      columns.flatMap(\.columns), form: form, rowCount: rowCount
    ) { row in
      zip(columns, self.row(row)).flatMap { $0.values($1) }
    }
  }
}

/// One stored column as the query asks for it.
private struct WireColumn {
  let column: Column
  let isUnicode: Bool

  private var isUnicodeText: Bool {
    isUnicode && (column.type.isText || column.type.base == .xml)
  }

  var columns: [ResultColumn] {
    let type = column.type
    let length = type.length
    if isUnicodeText {
      let isMax = type.isMax || length == nil || (length ?? 0) > 4000
      return [
        ResultColumn("", ColumnType(.nvarchar, length: isMax ? nil : length, isMax: isMax))
      ]
    }
    return switch type.base {
    case .char, .varchar: [bytes(type.isMax ? nil : length)]
    case .nchar, .nvarchar: [bytes(length.map { 2 * $0 })]
    case .text, .ntext, .xml, .geometry, .geography, .clr: [bytes(nil)]
    case .rowversion: [bytes(8)]
    case .hierarchyid: [bytes(892)]
    case .sqlVariant:
      [
        ResultColumn("", "varbinary(128)"), ResultColumn("", "int"),
        ResultColumn("", "varbinary(8000)"),
      ]
    default: [ResultColumn(column.name, type, isNullable: column.isNullable)]
    }
  }

  func values(_ value: FixtureValue) -> [FixtureValue] {
    let type = column.type
    if isUnicodeText { return [unicode(value)] }
    switch (type.base, value) {
    case (.sqlVariant, .null): return [.null, .null, .null]
    case (.sqlVariant, .encoded(let stored, _)): return VariantForm.columns(stored)
    case (_, .null): return [.null]
    case (.char, .text(let text)), (.varchar, .text(let text)), (.text, .text(let text)):
      var bytes = EightBitText.bytes(text, column.collation?.codePage ?? 1252)
      while type.base == .char, bytes.count < type.length ?? 1 { bytes.append(0x20) }
      return [.bytes(bytes)]
    case (.xml, .text(let text)): return [.bytes(utf16Bytes(XMLText.text(.text(text))))]
    case (.xml, .xml(let document)): return [.bytes(utf16Bytes(XMLText.text(document)))]
    case (_, .text(let text)): return [.bytes(padded(utf16Bytes(text)))]
    case (_, .utf16(let units)): return [.bytes(padded(utf16Bytes(units)))]
    case (_, .encoded(let bytes, _)): return [.bytes(bytes)]
    default: return [value]
    }
  }

  private func unicode(_ value: FixtureValue) -> FixtureValue {
    switch value {
    case .text(let text) where column.type.base == .xml: .text(XMLText.text(.text(text)))
    case .xml(let document): .text(XMLText.text(document))
    case .encoded(_, let text): .text(text)
    default: value
    }
  }

  private func padded(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    while column.type.base == .nchar, bytes.count < 2 * (column.type.length ?? 1) {
      bytes += [0x20, 0]
    }
    return bytes
  }

  private func bytes(_ count: Int?) -> ResultColumn {
    ResultColumn("", ColumnType(.varbinary, length: count, isMax: count == nil))
  }
}

/// A sql_variant as a data file stores it (type, 1, properties, value), in the three columns of the
/// query. Numbers turn round: CAST to varbinary has their highest byte first.
private enum VariantForm {
  static func columns(_ stored: [UInt8]) -> [FixtureValue] {
    let rest = Array(stored.dropFirst(2))
    return switch stored[0] {
    case 48: row("tinyint", rest)
    case 52: row("smallint", rest.reversed())
    case 56: row("int", rest.reversed())
    case 127: row("bigint", rest.reversed())
    case 60: row("money", rest.reversed())
    case 122: row("smallmoney", rest.reversed())
    case 62: row("float", rest.reversed())
    case 59: row("real", rest.reversed())
    case 61: row("datetime", rest.reversed())
    case 58: row("smalldatetime", rest.reversed())
    case 40: row("date", rest)
    case 41: row("time", rest)
    case 42: row("datetime2", rest)
    case 43: row("datetimeoffset", rest)
    case 36: row("uniqueidentifier", rest)
    case 106, 108: row("numeric", [rest[0], rest[1], 0, rest[2]] + rest[3...])
    case 165, 173: row("varbinary", Array(rest[2...]))
    case 167, 175: row("varchar", Array(rest[6...]), codePage: 1252)
    case 231, 239: row("nvarchar", Array(rest[6...]), codePage: 1252)
    default: row("unknown", rest)
    }
  }

  private static func row(
    _ type: String, _ bytes: some Sequence<UInt8>, codePage: Int64? = nil
  ) -> [FixtureValue] {
    [
      .bytes(Array(type.utf8)), codePage.map { .integer($0) } ?? .null, .bytes(Array(bytes)),
    ]
  }
}
