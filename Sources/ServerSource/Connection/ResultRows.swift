// Small results, read whole: the catalog, counts, settings. Rows of tables never come this way.

import CSybDB

/// The rows of one result set.
struct ResultRows {
  private let columns: [String: Int]
  var rows: [[ResultValue]] = []

  init(columns: [String]) {
    self.columns = Dictionary(
      columns.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  var records: [ResultRecord] { rows.map { ResultRecord(columns: columns, values: $0) } }
}

enum ResultValue: Hashable {
  case null
  case integer(Int64)
  case text(String)
  case bytes([UInt8])
}

/// A row whose values are found by the names that the query gives them.
struct ResultRecord {
  fileprivate let columns: [String: Int]
  fileprivate let values: [ResultValue]

  /// NULL, and also a column that the query does not have, is nil.
  subscript(name: String) -> ResultValue? {
    guard let index = columns[name], values[index] != .null else { return nil }
    return values[index]
  }

  /// The same row with other values, or more.
  func with(_ more: [String: ResultValue]) -> ResultRecord {
    var (columns, values) = (columns, values)
    for (name, value) in more {
      if let index = columns[name] {
        values[index] = value
      } else {
        columns[name] = values.count
        values.append(value)
      }
    }
    return ResultRecord(columns: columns, values: values)
  }

  func text(_ name: String) -> String? {
    guard case .text(let text) = self[name] else { return nil }
    return text
  }

  func integer(_ name: String) -> Int? {
    switch self[name] {
    case .integer(let number): Int(number)
    case .text(let text): Int(text)
    default: nil
    }
  }

  func flag(_ name: String) -> Bool { integer(name).map { $0 != 0 } ?? false }
}

extension ServerConnection {
  /// Runs a batch whose last result set is its answer.
  func query(_ batch: SQLBatch) throws(ServerError) -> [ResultRecord] {
    try execute(batch)
    return try lastResult(of: batch)
  }

  /// Lets a server learn to read a question that it will be asked again. Babelfish has to, on each connection.
  func learn(_ batch: SQLBatch) throws(ServerError) {
    do throws(ServerError) {
      _ = try query(batch)
    } catch {
      guard error.code == .sql || error.code == .permission, recover() else { throw error }
    }
  }

  /// The last result set of what is left of a batch's answer.
  func lastResult(of batch: SQLBatch) throws(ServerError) -> [ResultRecord] {
    var answer: ResultRows?
    while try nextResult(of: batch) {
      guard dbnumcols(process) > 0 else { continue }
      answer = try readRows(of: batch)
    }
    guard let answer else {
      throw ServerError(
        .badAnswer, server: address.label, place: batch.name,
        problem: "the query was answered without a result")
    }
    return answer.records
  }

  private func readRows(of batch: SQLBatch) throws(ServerError) -> ResultRows {
    let count = dbnumcols(process)
    var names: [String] = []
    for column in 1...count {
      names.append(dbcolname(process, column).map { String(cString: $0) } ?? "")
    }
    var result = ResultRows(columns: names)
    while try nextRow(of: batch) {
      var row: [ResultValue] = []
      for column in 1...count { row.append(value(column)) }
      result.rows.append(row)
    }
    // The count of the final DONE: an answer that was cut has none, or another.
    guard dbiscount(process) != 0, Int(dbcount(process)) == result.rows.count else {
      throw ServerError(
        .badAnswer, server: address.label, place: batch.name,
        problem: "\(result.rows.count) rows came, and the server counts "
          + (dbiscount(process) != 0 ? "\(dbcount(process))" : "none"))
    }
    return result
  }

  private func value(_ column: Int32) -> ResultValue {
    guard let data = dbdata(process, column) else { return .null }
    let bytes = UnsafeRawBufferPointer(
      start: data, count: max(0, Int(dbdatlen(process, column))))
    switch (ServerType(dbcoltype(process, column)), bytes.count) {
    case (.bit, 1), (.int1, 1): return .integer(Int64(bytes[0]))
    case (.int2, 2): return .integer(Int64(bytes.loadUnaligned(as: Int16.self)))
    case (.int4, 4): return .integer(Int64(bytes.loadUnaligned(as: Int32.self)))
    case (.int8, 8): return .integer(bytes.loadUnaligned(as: Int64.self))
    case (.char, _), (.text, _): return .text(String(decoding: bytes, as: UTF8.self))
    default: return .bytes(Array(bytes))
    }
  }
}
