// One CSV record taken apart into cells by libcsv: an implementation that shares nothing with the
// export's encoder and the server's COPY.

import CLibCSV
import Report

/// The cells of one CSV record; nil is NULL.
struct RecordCells {
  let cells: [[UInt8]?]

  /// - Parameter record: Without its line feed.
  /// - Throws: `VerifyProblem` for quotes that do not pair up.
  init(_ record: UnsafeRawBufferPointer) throws(VerifyProblem) {
    // libcsv skips empty lines; here one is a row of a single column that is NULL.
    guard !record.isEmpty else {
      cells = [nil]
      return
    }
    cells = try Self.parsed(record)
  }

  private static func parsed(
    _ record: UnsafeRawBufferPointer
  ) throws(VerifyProblem) -> [[UInt8]?] {
    var parser = csv_parser()
    guard csv_init(&parser, UInt8(CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL)) == 0 else {
      throw VerifyProblem("libcsv could not be initialised")
    }
    defer { csv_free(&parser) }
    // COPY keeps blanks around a value and ends records with line feeds alone.
    csv_set_space_func(&parser) { _ in 0 }
    csv_set_term_func(&parser) { byte in byte == UInt8(ascii: "\n") ? 1 : 0 }
    var cells: [[UInt8]?] = []
    let addCell: @convention(c) (UnsafeMutableRawPointer?, Int, UnsafeMutableRawPointer?) -> Void =
      {
        bytes, count, cells in
        let cell = bytes.map { [UInt8](UnsafeRawBufferPointer(start: $0, count: count)) }
        cells?.assumingMemoryBound(to: [[UInt8]?].self).pointee.append(cell)
      }
    let isWhole = withUnsafeMutablePointer(to: &cells) { cells in
      csv_parse(&parser, record.baseAddress, record.count, addCell, nil, cells) == record.count
        && csv_fini(&parser, addCell, nil, cells) == 0
    }
    guard isWhole else { throw VerifyProblem("a row that is no CSV") }
    return cells
  }
}

/// How the rows of one table are told apart and named.
struct RecordShape: Sendable {
  /// Names in the source, in CSV order.
  let columns: [String]
  /// Indexes of the source key's columns; all columns for a table without one.
  let key: [Int]
  let hasKey: Bool

  /// - Throws: `VerifyProblem` for a record with another number of cells.
  func cells(of record: UnsafeRawBufferPointer) throws(VerifyProblem) -> [[UInt8]?] {
    let cells = try RecordCells(record).cells
    guard cells.count == columns.count else {
      throw VerifyProblem("a row of \(cells.count) values for \(columns.count) columns")
    }
    return cells
  }

  func keyCells(_ cells: [[UInt8]?]) -> [[UInt8]?] { key.map { cells[$0] } }

  func keyValues(_ cells: [[UInt8]?]) -> [Verification.KeyValue] {
    key.map { index in
      Verification.KeyValue(
        column: columns[index], value: cells[index].map { String(decoding: $0, as: UTF8.self) })
    }
  }
}

/// Why a table could not be proven.
struct VerifyProblem: Error, Hashable, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }

  static let neverLoaded = VerifyProblem("no run has loaded this table")
}
