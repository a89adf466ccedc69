// The loop over the rows of one table. Nothing in it allocates, but for hierarchyid, sql_variant and
// what db-lib does by itself for (max) values.

import CSybDB
import Catalog
import Staging

/// Reads the rows of one table on one connection.
struct RowReader {
  let table: Table
  let query: TableQuery
  let connection: ServerConnection
  private let mode: ReadMode
  private let valueByteCountMax: Int
  private let range: RowRange?
  private let pace: Pace?
  /// What the row loop needs of each column, without a reference in it.
  private let cells: [CellPlan]

  private struct CellPlan: BitwiseCopyable {
    let kind: CellKind
    let wireColumn: Int32
    let index: Int
  }

  /// - Parameters:
  ///   - range: Of the table; nil for all of its rows.
  ///   - pace: What all connections together may take.
  /// - Throws: `unknown` for a column whose values are not read.
  init(
    _ table: Table, _ form: TextForm, _ mode: ReadMode, range: RowRange? = nil,
    selection: RowSelection? = nil, pace: Pace? = nil, on connection: ServerConnection
  ) throws(ServerError) {
    self.table = table
    self.mode = mode
    self.range = range
    self.pace = pace
    self.connection = connection
    valueByteCountMax = connection.address.limits.valueByteCountMax
    do throws(Fault) {
      query = try TableQuery(
        table, form, range: range, hint: selection?.from == nil ? mode.tableHint : "",
        selection: selection, valueByteCountMax: valueByteCountMax)
    } catch {
      throw ServerError(
        .unknown, server: connection.address.label, place: "\(table.name)", problem: error.problem)
    }
    cells = query.columns.enumerated().map { index, column in
      CellPlan(kind: column.kind, wireColumn: column.wireColumn, index: index)
    }
  }

  /// Counts the rows, reads them, and compares. The rows of a range are compared with the server's own
  /// count of them alone: who reads all ranges has the count of the table.
  ///
  /// - Returns: How many rows were read, and how many were counted before; the same number, but for a
  ///   mode that records the difference.
  /// - Throws: What the server or the channel says; `badAnswer` when a value is none of its type, or
  ///   when the rows end without the server's word that they have ended; `conflict` when their number
  ///   is not the one that was counted.
  func read(into writer: inout TableWriter) throws -> (rows: Int, counted: Int) {
    let promised = range == nil ? try countRows() : nil
    try connection.execute(query.select)
    guard try connection.nextResult(of: query.select) else {
      throw answer("the query was answered without a result")
    }
    try checkColumns()
    let rows = try readRows(into: &writer)
    try checkEnd(rows: rows)
    guard let promised else { return (rows, rows) }
    guard rows == promised || mode.recordsOtherCounts else {
      throw ServerError(
        .conflict, server: connection.address.label, place: "\(table.name)",
        problem: "\(rows) rows were read where \(promised) were counted",
        advice: """
          the table changed meanwhile; allow SNAPSHOT isolation in the database, or export with \
          --consistency database-snapshot or locked
          """)
    }
    return (rows, promised)
  }

  private func countRows() throws(ServerError) -> Int {
    let records = try connection.query(query.count)
    guard records.count == 1, let count = records[0].integer("row_count") else {
      throw answer("the rows cannot be counted")
    }
    return count
  }

  private func readRows(into writer: inout TableWriter) throws -> Int {
    var rows = 0
    let process = connection.process
    var stride = RowStride(connection, pace)
    var untilCheck = stride.rowCount
    while true {
      let status = dbnextrow(process)
      guard status == REG_ROW, connection.isSilent else {
        try connection.check(query.select)
        guard status == NO_MORE_ROWS else {
          throw connection.failure("the rows end without an end").at(place(rows))
        }
        try stride.end(rows: stride.rowCount - untilCheck)
        return rows
      }
      writer.beginRow()
      try writeCells(of: process, row: rows, into: &writer)
      try writer.endRow()
      rows += 1
      untilCheck -= 1
      if untilCheck == 0 {
        try stride.end(rows: stride.rowCount)
        untilCheck = stride.rowCount
      }
    }
  }

  @inline(__always)
  private func writeCells(
    of process: OpaquePointer, row: Int, into writer: inout TableWriter
  ) throws(ServerError) {
    for cell in cells {
      do throws(Fault) {
        if case .variant = cell.kind {
          try writeVariant(query.columns[cell.index], into: &writer)
        } else if let bytes = ServerConnection.bytes(process, cell.wireColumn) {
          if bytes.count > valueByteCountMax {
            writer.writeNothing(ofMoreThan: valueByteCountMax)
          } else if case .text(let width) = cell.kind {
            writer.write(text: bytes, in: query.columns[cell.index].codePage, paddedTo: width)
          } else {
            try cell.kind.write(bytes, codePage: .ascii, into: &writer)
          }
        } else {
          writer.writeNull()
        }
      } catch {
        throw answer(error.problem, at: "\(place(row)), column \(query.columns[cell.index].name)")
      }
    }
  }

  private func writeVariant(
    _ column: SelectedColumn, into writer: inout TableWriter
  ) throws(Fault) {
    guard column.alternatives.isEmpty else {
      return try writeAlternative(of: column, into: &writer)
    }
    let wireColumn = column.wireColumn
    guard let bytes = connection.bytes(wireColumn + 2) else {
      writer.writeNull()
      return
    }
    guard let baseType = connection.bytes(wireColumn) else {
      throw Fault("a sql_variant without its type")
    }
    let codePage = connection.bytes(wireColumn + 1).flatMap { number in
      number.count == 4 ? Int(number.load32(0)) : nil
    }
    try VariantValue(baseType: baseType, codePage: codePage, bytes: bytes).write(into: &writer)
  }

  /// A sql_variant whose value comes in the one of several columns that has its type.
  private func writeAlternative(
    of column: SelectedColumn, into writer: inout TableWriter
  ) throws(Fault) {
    guard let baseType = connection.bytes(column.wireColumn) else {
      writer.writeNull()
      return
    }
    for (index, kind) in column.alternatives.enumerated() {
      guard let bytes = connection.bytes(column.wireColumn + Int32(index + 1)) else { continue }
      return try kind.write(bytes, codePage: column.codePage, into: &writer)
    }
    throw Fault("a sql_variant of type \(String(decoding: baseType, as: UTF8.self))")
  }

  /// The columns must come in the types that the decoders were chosen for.
  private func checkColumns() throws(ServerError) {
    let expected = query.columns.reduce(0) { $0 + $1.expressions.count }
    guard Int(dbnumcols(connection.process)) == expected else {
      throw answer("\(dbnumcols(connection.process)) columns came where \(expected) were asked for")
    }
    for column in query.columns {
      // The value of a sql_variant is the last of its columns, or any but the first.
      let kinds = column.alternatives.isEmpty ? [column.kind] : column.alternatives
      let first = column.wireColumn + Int32(column.expressions.count - kinds.count)
      for (index, kind) in kinds.enumerated() {
        try check(kind, first + Int32(index), of: column.name)
      }
    }
  }

  private func check(
    _ kind: CellKind, _ wireColumn: Int32, of column: String
  ) throws(ServerError) {
    let type = ServerType(dbcoltype(connection.process, wireColumn))
    guard kind.serverTypes.contains(type) else {
      throw answer("column \(column) came as \(type), which is none of its type")
    }
    guard type == .char || type == .text else { return }
    // 8-bit text was converted by the server and may have lost characters on the way.
    let sent = restage_server_type(connection.process, wireColumn)
    guard query.form != .stored, Self.unicodeTypes.contains(sent) else {
      throw answer("column \(column) came as text of type \(sent), which may be converted")
    }
  }

  /// nvarchar, nchar, ntext.
  private static let unicodeTypes: [Int32] = [0xE7, 0xEF, 0x63]

  /// The server's own word that these were all rows.
  private func checkEnd(rows: Int) throws(ServerError) {
    // db-lib keeps the low 32 bits of the count.
    guard dbiscount(connection.process) != 0,
      dbcount(connection.process) == Int32(truncatingIfNeeded: rows)
    else {
      throw answer(
        "\(rows) rows came, and the server counts "
          + (dbiscount(connection.process) != 0 ? "\(dbcount(connection.process))" : "none"))
    }
    let trailer = try connection.lastResult(of: query.select)
    guard trailer.count == 1, let number = trailer[0].integer("error_number"),
      let count = trailer[0].integer("row_count")
    else { throw answer("the server does not say how the query ended") }
    guard number == 0, count == rows else {
      throw answer("\(rows) rows came, and the server says it sent \(count), error \(number)")
    }
  }

  private func place(_ row: Int) -> String {
    "\(table.name), \(range.map { "range \($0.number), " } ?? "")row \(row + 1)"
  }

  private func answer(_ problem: String, at place: String? = nil) -> ServerError {
    ServerError(
      .badAnswer, server: connection.address.label, place: place ?? "\(table.name)",
      problem: problem)
  }
}

extension ServerConnection {
  func bytes(_ column: Int32) -> UnsafeRawBufferPointer? { Self.bytes(process, column) }

  /// The bytes of a column of the current row, nil for NULL. They hold until the next row is read.
  @inline(__always)
  static func bytes(_ process: OpaquePointer, _ column: Int32) -> UnsafeRawBufferPointer? {
    guard let data = dbdata(process, column) else { return nil }
    return UnsafeRawBufferPointer(start: data, count: max(0, Int(dbdatlen(process, column))))
  }
}
