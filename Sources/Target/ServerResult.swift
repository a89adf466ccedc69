import CLibPQ

/// One result of libpq, freed with the value.
struct ServerResult: ~Copyable {
  private let result: OpaquePointer

  /// - Parameter result: A result that nobody else will free.
  init(owning result: OpaquePointer) { self.result = result }

  deinit { PQclear(result) }

  var status: ExecStatusType { PQresultStatus(result) }

  /// A field of an error or notice; nil when the server did not send it.
  func field(_ code: Int32) -> String? {
    PQresultErrorField(result, code).map { String(cString: $0) }
  }

  /// The whole text of an error, for those that libpq makes itself and that have no fields.
  var errorText: String {
    PQresultErrorMessage(result).map { String(cString: $0) } ?? ""
  }
}

extension ServerResult {
  /// A copy of everything in it.
  func copied() -> QueryResult {
    let columnCount = PQnfields(result)
    return QueryResult(
      columns: (0..<columnCount).map { PQfname(result, $0).map { String(cString: $0) } ?? "" },
      rows: (0..<PQntuples(result)).map { row in (0..<columnCount).map { value(row, $0) } },
      command: String(cString: PQcmdStatus(result)),
      rowCount: Int(String(cString: PQcmdTuples(result))) ?? 0)
  }

  private func value(_ row: Int32, _ column: Int32) -> String? {
    guard PQgetisnull(result, row, column) == 0,
      let start = PQgetvalue(result, row, column),
      let byteCount = Int(exactly: PQgetlength(result, row, column))
    else { return nil }
    return String(
      decoding: UnsafeRawBufferPointer(start: start, count: byteCount), as: UTF8.self)
  }
}

/// The SQL text that an error is about: names its place in the file.
struct SQLText {
  let text: String
  let file: String?

  init(_ text: String, file: String? = nil) throws(TargetError) {
    guard !text.utf8.contains(0) else {
      throw TargetError(.sql, "the SQL text holds a NUL byte, where libpq would cut it", file: file)
    }
    self.text = text
    self.file = file
  }

  /// Line, from 1, of a position that counts characters from 1.
  func line(ofPosition position: Int) -> Int {
    1 + text.unicodeScalars.prefix(max(0, position - 1)).count { $0 == "\n" }
  }
}

extension TargetError {
  /// The error of a failed statement.
  ///
  /// - Parameters:
  ///   - result: A result that says a statement failed.
  ///   - sql: The text that was sent.
  ///   - statement: Which statement of the text failed, from 1.
  init(_ result: borrowing ServerResult, of sql: SQLText, statement: Int) {
    guard let sqlstate = result.field(restage_diag_sqlstate) else {
      // libpq's own errors have no SQLSTATE: the connection broke, or the server broke the protocol.
      self.init(.connectionLost, Self.oneLine(result.errorText), file: sql.file)
      self.statement = statement
      return
    }
    self.init(
      Self.code(ofSQLSTATE: sqlstate), sqlstate: sqlstate,
      result.field(restage_diag_primary) ?? "the server gave no message",
      hint: result.field(restage_diag_hint), file: sql.file)
    detail = result.field(restage_diag_detail)
    context = result.field(restage_diag_context)
    constraint = result.field(restage_diag_constraint)
    line = result.field(restage_diag_position).flatMap { Int($0) }.map(sql.line(ofPosition:))
    self.statement = statement
  }
}

/// The notices of one connection, filled by libpq's callback while one of its functions runs; only
/// the connection's own thread comes here.
final class NoticeBox {
  private(set) var notices: [Notice] = []
  private(set) var droppedCount = 0

  func add(_ notice: Notice) {
    if notices.count < Limits.noticeCount {
      notices.append(notice)
    } else {
      droppedCount += 1
    }
  }

  func take() -> [Notice] {
    defer { (notices, droppedCount) = ([], 0) }
    guard droppedCount > 0 else { return notices }
    return notices + [
      Notice(severity: "WARNING", sqlstate: "00000", message: "\(droppedCount) more notices")
    ]
  }
}
