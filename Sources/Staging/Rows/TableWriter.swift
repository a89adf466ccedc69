public import Catalog
import SystemPackage

/// Writes the rows of one table as CSV chunks: bytes in, bytes out, nothing allocated per row or cell.
///
/// The text of each value is, byte for byte, what PostgreSQL's `COPY … TO STDOUT (FORMAT csv)` prints
/// for the column type of `Column.csvType`, under DateStyle ISO, TimeZone UTC, bytea_output hex,
/// extra_float_digits 1, UTF-8 (the CSV rule).
///
///     writer.beginRow()
///     writer.write(integer: 10248)
///     writer.writeNull()
///     try writer.endRow()
///
/// A row is complete when `endRow` returns; between `beginRow` and `endRow` exactly one value for each
/// stored column is written. After `beginRow` an unfinished row may be abandoned by `cancelRow`.
/// Whatever goes wrong inside a row is thrown by its `endRow`.
public struct TableWriter: ~Copyable {
  public let table: Table

  var rows: RowStream
  /// The value that `beginText` and its like have begun.
  var text = TextValue(decoder: .bytes)
  /// The value of a column whose shapes are written as EWKB.
  var shape = ShapeValue()
  /// What is wrong with a value of the current row: an error, not a reject.
  private var rowFailure: StagingError?
  private var rejection: (Rejection, column: Int?)?
  /// What was taken out of values of the current row; a column can have two.
  private var repairs: [(Rejection, column: Int)] = []

  private let columns: [Column]
  private var column = 0
  /// For each column its place in the source key, -1 for none.
  private let keySlots: [Int]
  private let keyColumns: [Column]
  private let textPolicies: [TextPolicy]
  private var key: KeyCells
  private var keyBefore: KeyCells

  private let folder: FilePath
  private let limits: StagingLimits
  private let boundary: ChunkBoundary
  private let rejects: RejectFile
  private var position = 0
  private var unreadableCount = 0
  private var sourceRowCount: Int?
  private var uncertainty: String?
  private var alteredCount = 0
  private var chunks: [ChunkManifest] = []
  private var chunk = OpenChunk()
  /// About as many rows of the table are before the chunk.
  private var rowsBefore: Int

  private struct OpenChunk {
    var rows = 0
    var bytes = 0
    var firstKey: [String?] = []
  }

  /// - Parameters:
  ///   - folder: An empty folder for the chunks.
  ///   - range: Of the table, where the rows are those of one.
  ///   - rowsBefore: How many rows of the table are before those of the range, roughly.
  ///   - rejects: The file for rejects.
  ///   - textPolicies: By column name; `fail` for the others.
  init(
    table: Table, folder: FilePath, range: Int? = nil, rowsBefore: Int = 0, rejects: FilePath,
    limits: StagingLimits, textPolicies: [String: TextPolicy] = [:]
  ) {
    self.table = table
    self.folder = folder
    self.limits = limits
    let columns = table.storedColumns
    let keyColumns = (table.sourceKeyColumns ?? []).compactMap { table.column(named: $0) }
    self.columns = columns
    self.keyColumns = keyColumns
    keySlots = columns.map { column in
      keyColumns.firstIndex { $0.name == column.name } ?? -1
    }
    self.textPolicies = columns.map { textPolicies[$0.name] ?? .fail }
    key = KeyCells(columnCount: keyColumns.count)
    keyBefore = key
    rows = RowStream(folder: folder, range: range, limits: limits)
    boundary = ChunkBoundary(limits)
    self.rowsBefore = rowsBefore
    self.rejects = RejectFile(path: rejects)
  }

  public mutating func beginRow() {
    rows.beginRow()
    key.removeAll()
    column = 0
    rejection = nil
    rowFailure = nil
    if !repairs.isEmpty { repairs.removeAll(keepingCapacity: true) }
  }

  /// Forgets the row that `beginRow` began; it is neither counted nor a reject.
  public mutating func cancelRow() { rows.dropRow() }

  /// Lists rows that the source cannot read among the rejects, between rows: one line, whatever their
  /// number. The manifest then says that the table is not complete.
  ///
  /// - Parameter problem: One clause on what lies where, without values.
  /// - Throws: `.cannotWrite`.
  public mutating func noteUnreadable(_ problem: String) throws(StagingError) {
    try rejects.append(.unreadable(problem), column: nil, key: nil, position: nil)
    unreadableCount += 1
  }

  /// Says that the source's own bookkeeping has another number of rows than were read.
  public mutating func noteSourceRows(_ count: Int) { sourceRowCount = max(0, count) }

  /// Says that rows which are not among the chunks may be in the source all the same, and why.
  public mutating func noteUncertainty(_ reason: String) { uncertainty = reason }

  /// Adds the row to the chunk, or to the rejects when PostgreSQL could not store it.
  ///
  /// - Throws: `.cannotWrite`; `.badValue` when a value is none of its type; `.valueTooLarge` for a
  ///   key beyond all bounds. The row is not in the chunk then.
  public mutating func endRow() throws(StagingError) {
    precondition(column == columns.count, "\(table.name): \(column) values in a row")
    rows.append(ASCII.lineFeed)
    position += 1
    if let failure = rowFailure ?? rows.failure {
      rows.dropRow()
      throw failure
    }
    let byteCount = rows.rowByteCount
    if byteCount > limits.rowByteCountMax {
      reject(.rowTooLong(byteCountMax: limits.rowByteCountMax), column: nil)
    }
    guard rejection == nil else { return try recordReject() }
    if !repairs.isEmpty { try recordRepairs() }

    let keyHash = keyColumns.isEmpty ? try rows.rowHash() : key.hash
    if chunk.rows == 0 { chunk.firstKey = key.values }
    chunk.rows += 1
    chunk.bytes += byteCount
    swap(&key, &keyBefore)
    if boundary.follows(
      keyHash: keyHash, rowByteCount: byteCount, chunk: (chunk.rows, chunk.bytes),
      rowsBefore: rowsBefore)
    {
      try finishChunk()
    }
  }

  /// Completes the last chunk and the rejects.
  ///
  /// - Parameter order: The order in which the rows were written.
  /// - Returns: What the manifest says of this table.
  /// - Throws: `.cannotWrite`.
  public consuming func finish(order: RowOrder) throws(StagingError) -> TableManifest {
    if let failure = rows.failure { throw failure }
    if chunk.rows > 0 { try finishChunk() }
    try rows.waitForChunks()
    try rejects.finish()
    try Folder.sync(folder)
    var manifest = TableManifest(
      table: table.name, rows: chunks.reduce(0) { $0 + $1.rows },
      bytes: chunks.reduce(0) { $0 + $1.bytes }, rejects: rejects.rows, order: order,
      altered: alteredCount, unreadable: unreadableCount, sourceRows: sourceRowCount,
      chunks: chunks)
    manifest.uncertainty = uncertainty
    return manifest
  }

  private mutating func finishChunk() throws(StagingError) {
    let (file, xxh3) = try rows.finishChunk()
    chunks.append(
      ChunkManifest(
        file: file, rows: chunk.rows, bytes: chunk.bytes, xxh3: xxh3, firstKey: chunk.firstKey,
        lastKey: keyBefore.values))
    rowsBefore += chunk.rows
    chunk = OpenChunk()
  }

  private mutating func recordReject() throws(StagingError) {
    guard let (rejection, column) = rejection else { return }
    rows.dropRow()
    if let failure = rows.failure { throw failure }
    try rejects.append(
      rejection, column: column.map { columns[$0].name },
      key: keyColumns.isEmpty ? nil : key.jsonObject(columns: keyColumns), position: position)
  }

  /// Lists a row that is kept, with what it lacks.
  private mutating func recordRepairs() throws(StagingError) {
    alteredCount += 1
    let key = keyColumns.isEmpty ? nil : key.jsonObject(columns: keyColumns)
    for (repair, column) in repairs {
      try rejects.note(repair, column: columns[column].name, key: key, position: position)
    }
  }

  mutating func noteRepair(_ faults: TextFindings, _ policy: TextPolicy) {
    let kinds: [(TextFindings, Rejection)] = [
      (.nul, .altered(.nul, policy)), (.unpairedSurrogate, .altered(.unpairedSurrogate, policy)),
    ]
    for (fault, repair) in kinds where faults.contains(fault) {
      // A long value comes in pieces and is listed once.
      if repairs.contains(where: { $0.0 == repair && $0.column == column }) { continue }
      repairs.append((repair, column))
    }
  }

  var textPolicy: TextPolicy { textPolicies[column] }
}

extension TableWriter {
  var columnCount: Int { columns.count }

  /// Begins a value.
  mutating func openCell() {
    precondition(column < columns.count, "\(table.name): more values than stored columns")
    rows.beginCell(afterComma: column > 0)
  }

  /// Ends a value.
  mutating func closeCell() {
    let slot = keySlots[column]
    if slot >= 0 { takeKeyCell(slot) }
    column += 1
  }

  private mutating func takeKeyCell(_ slot: Int) {
    if let cell = rows.cell, key.byteCount + cell.count <= limits.keyByteCountMax {
      key.append(cell, slot: slot)
    } else {
      refuse(
        .valueTooLarge, "a source key of more than \(limits.keyByteCountMax) bytes",
        advice: "declare another key in the mapping")
    }
  }

  /// Makes the row a reject; its first fault counts.
  mutating func reject(_ rejection: Rejection) { reject(rejection, column: column) }

  private mutating func reject(_ rejection: Rejection, column: Int?) {
    rows.isDropping = true
    if self.rejection == nil { self.rejection = (rejection, column) }
  }

  /// Makes the row an error; its first one counts.
  mutating func refuse(_ code: StagingError.Code, _ problem: String, advice: String? = nil) {
    rows.isDropping = true
    if rowFailure != nil { return }
    rowFailure = StagingError(
      code, file: folder.string,
      place: "\(table.name), column \(columns[column].name), row \(position + 1)",
      problem: problem, advice: advice)
  }

  var columnForm: CellForm? { columns[column].cellForm }

  var columnType: ColumnType { columns[column].type }

  var columnTypeName: String { columns[column].type.description }

  var collationName: String {
    guard let collation = columns[column].collation else { return "an unknown collation" }
    if let name = collation.name { return "collation \(name)" }
    return collation.id.map { "collation 0x\(String($0, radix: 16))" } ?? "an unknown collation"
  }
}
