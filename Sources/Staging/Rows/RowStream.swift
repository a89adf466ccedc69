import Catalog
import SystemPackage

/// Rows as bytes on their way into chunk files: where the current row and cell begin, what of them
/// is still in the buffer, and how to take a row back.
///
/// The buffer empties in whole rows as long as it can. A row longer than the buffer leaves by whole
/// cells, a cell longer than the buffer in parts: memory stays the same, and the file remembers
/// where the row began.
struct RowStream: ~Copyable {
  private var buffer: RowBuffer
  private var rowStart = 0
  private var cellStart = 0
  /// Bytes of the current row and cell that have left the buffer.
  private var rowLeftCount = 0
  private var cellLeftCount = 0
  /// Whether the file remembers where the current row begins.
  private var isMarked = false
  private var file: ChunkFile?
  private var fileNumber = 0
  private let finisher = FileFinisher()
  private let folder: FilePath
  private let range: Int?
  private let rowByteCountMax: Int

  /// The row will be taken back, so what leaves the buffer is dropped.
  var isDropping = false
  /// The first thing that went wrong with the files; nothing is written after it.
  private(set) var failure: StagingError?

  /// - Parameter range: Of the table, where the rows are those of one.
  init(folder: FilePath, range: Int?, limits: StagingLimits) {
    self.folder = folder
    self.range = range
    rowByteCountMax = limits.rowByteCountMax
    buffer = RowBuffer(capacity: max(limits.rowBufferByteCount, 512))
  }

  var capacity: Int { buffer.capacity }
  var count: Int { buffer.count }
  var rowByteCount: Int { rowLeftCount + buffer.count - rowStart }
  var cellByteCount: Int { cellLeftCount + buffer.count - cellStart }

  /// The current cell, unless parts of it have left the buffer.
  var cell: UnsafeRawBufferPointer? {
    cellLeftCount == 0 ? buffer.slice(cellStart..<buffer.count) : nil
  }

  mutating func beginRow() {
    rowStart = buffer.count
    rowLeftCount = 0
    isMarked = false
    isDropping = false
    cellStart = rowStart
    cellLeftCount = 0
  }

  mutating func beginCell(afterComma: Bool) {
    if afterComma { append(ASCII.comma) }
    cellStart = buffer.count
    cellLeftCount = 0
  }

  /// Where at least `byteCount` bytes may be written; `advance` says how many were.
  ///
  /// - Parameter byteCount: At most `capacity`.
  mutating func room(_ byteCount: Int) -> UnsafeMutablePointer<UInt8> {
    if buffer.free < byteCount { makeRoom(byteCount) }
    return buffer.end
  }

  mutating func advance(by written: Int) { buffer.advance(by: written) }

  mutating func append(_ byte: UInt8) {
    if buffer.free == 0 { makeRoom(1) }
    buffer.append(byte)
  }

  mutating func append(_ byte: UInt8, times: Int) {
    var rest = times
    while rest > 0 {
      let part = min(rest, capacity / 2)
      if buffer.free < part { makeRoom(part) }
      buffer.append(byte, times: part)
      rest -= part
    }
  }

  /// Puts the opening quote before the current cell; `room` for it has been made.
  ///
  /// - Returns: By how many bytes the cell's bytes in the buffer have moved.
  mutating func openQuote() -> Int {
    guard cellLeftCount > 0 else {
      buffer.insert(ASCII.quote, at: cellStart)
      return 1
    }
    cellLeftCount += 1
    rowLeftCount += 1
    guard !isDropping, failure == nil, let file else { return 0 }
    do throws(StagingError) {
      try file.insert(ASCII.quote, at: file.byteCount - (cellLeftCount - 1))
    } catch {
      failure = error
    }
    return 0
  }

  /// Doubles the quotes of the current cell from a place in the buffer on; `room` has been made.
  mutating func doubleQuotes(from start: Int) { buffer.doubleQuotes(from: start) }

  /// Takes characters that PostgreSQL cannot store out of the current cell, from a place in the
  /// buffer on; `room` has been made.
  mutating func repairText(from start: Int, _ policy: TextPolicy) {
    switch policy {
    case .fail: break
    case .strip: buffer.stripUnstorable(from: start)
    case .replace: buffer.replaceUnstorable(from: start)
    }
  }

  /// Takes the current row back.
  mutating func dropRow() {
    buffer.cut(to: rowStart)
    if isMarked, failure == nil, let file {
      do throws(StagingError) {
        try file.rewind()
      } catch {
        failure = error
      }
    }
    beginRow()
  }

  /// XXH3-64 of the current row's bytes.
  func rowHash() throws(StagingError) -> UInt64 {
    let rest = buffer.slice(rowStart..<buffer.count)
    guard isMarked, let file else { return StreamHash.hash64(rest) }
    return try file.hash64SinceMark(and: rest)
  }

  /// Completes the chunk with all rows so far; there is at least one.
  mutating func finishChunk() throws(StagingError) -> (file: String, xxh3: String) {
    leave(buffer.count, ofRow: false)
    if let failure { throw failure }
    guard let finished = file else { preconditionFailure("a chunk without rows") }
    file = nil
    return (
      ChunkManifest.fileName(number: fileNumber, range: range), try finished.finish(by: finisher)
    )
  }

  /// Waits until all chunks are durable under their names.
  func waitForChunks() throws(StagingError) { try finisher.wait() }

  private mutating func makeRoom(_ byteCount: Int) {
    precondition(byteCount <= capacity, "more room asked for than the buffer has")
    while buffer.free < byteCount {
      if rowStart > 0 {
        leave(rowStart, ofRow: false)
      } else if cellStart > 0 {
        leave(cellStart, ofRow: true)
      } else {
        cellLeftCount += buffer.count
        leave(buffer.count, ofRow: true)
      }
    }
  }

  /// Moves the first bytes of the buffer into the file.
  private mutating func leave(_ byteCount: Int, ofRow: Bool) {
    if ofRow {
      rowLeftCount += byteCount
      if rowLeftCount > rowByteCountMax { isDropping = true }
    }
    if failure == nil && !(ofRow && isDropping) {
      do throws(StagingError) {
        try write(byteCount, ofRow: ofRow)
      } catch {
        failure = error
      }
    }
    buffer.removeFirst(byteCount)
    rowStart = max(0, rowStart - byteCount)
    cellStart = max(0, cellStart - byteCount)
  }

  private mutating func write(_ byteCount: Int, ofRow: Bool) throws(StagingError) {
    guard byteCount > 0 else { return }
    if file == nil {
      fileNumber += 1
      let name = ChunkManifest.fileName(number: fileNumber, range: range)
      file = try ChunkFile(path: folder.appending(name))
    }
    if ofRow && !isMarked {
      file?.mark()
      isMarked = true
    }
    try file?.write(buffer.slice(0..<byteCount))
  }
}
