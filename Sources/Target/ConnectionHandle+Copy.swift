// COPY in both directions. A COPY that was begun is always ended, and its results are read to the
// last, so that the connection can be used for the ROLLBACK that follows.

import CLibPQ
import Glibc

extension ConnectionHandle {
  /// Feeds files to a COPY … FROM STDIN.
  ///
  /// - Returns: Rows copied.
  mutating func copyIn(_ sql: SQLText, files: [String]) throws(TargetError) -> Int {
    try beginCopy(sql, PGRES_COPY_IN)
    var stop: TargetError?
    var isWhole = false
    do {
      isWhole = try feed(files)
    } catch {
      stop = error
    }
    // Whatever kept a byte from being sent: only a COPY that got all of them may complete.
    endCopyIn(because: isWhole ? nil : stop?.description ?? "the server had refused the data")
    let rowCount = try outcome(of: sql, stop: stop) { $0.locate(in: files) }
    guard isWhole else {
      throw TargetError(.sql, "COPY completed without all of its data", file: sql.file)
    }
    return rowCount
  }

  /// Hands every row of a COPY … TO STDOUT to `body`.
  ///
  /// - Returns: Rows copied.
  /// - Throws: What `body` throws, or a `TargetError`.
  mutating func copyOut(
    _ sql: SQLText, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws -> Int {
    try beginCopy(sql, PGRES_COPY_OUT)
    var stop: (any Error)?
    var rowCount = 0
    do {
      while let row = nextRow() {
        defer { PQfreemem(row.baseAddress) }
        if interrupt.isWanted { throw TargetError.cancelled }
        try body(UnsafeRawBufferPointer(row))
        rowCount += 1
      }
    } catch {
      stop = error
      cancel()
      discardCopyOut()
    }
    if let stop {
      _ = try? finish(sql)
      throw stop
    }
    let announced = try outcome(of: sql, stop: nil)
    guard announced == rowCount else {
      throw TargetError(
        .sql, "COPY sent \(rowCount) rows and announced \(announced)", file: sql.file)
    }
    return rowCount
  }
}

// MARK: - Begin and end

extension ConnectionHandle {
  /// Sends the statement and waits until the server is in the state of copying.
  private mutating func beginCopy(
    _ sql: SQLText, _ expected: ExecStatusType
  ) throws(TargetError) {
    try begin(sql)
    try accept(sql.text.withCString { PQsendQuery(connection, $0) })
    guard let first = nextResult() else { throw lost }
    guard first.status != expected else { return }
    let isError = first.status == PGRES_FATAL_ERROR
    let failure =
      isError
      ? TargetError(first, of: sql, statement: 1)
      : TargetError(
        .sql, "not a COPY \(expected == PGRES_COPY_IN ? "FROM STDIN" : "TO STDOUT") statement",
        file: sql.file)
    _ = try? finish(sql)
    throw isCancelling && failure.code == .cancelled ? .cancelled : failure
  }

  /// Reads the results of a COPY that has ended.
  ///
  /// - Parameters:
  ///   - stop: Why we ended it early.
  ///   - explain: Completes an error of the server.
  private mutating func outcome(
    of sql: SQLText, stop: TargetError?, explain: (inout TargetError) -> Void = { _ in }
  ) throws(TargetError) -> Int {
    let results: [QueryResult]
    do {
      results = try finish(sql)
    } catch {
      // The server answers CopyFail with SQLSTATE 57014: an echo of `stop`. Anything else is its own
      // complaint, and came first.
      if let stop, error.code == .cancelled { throw stop }
      var failure = error
      explain(&failure)
      throw failure
    }
    if let stop { throw stop }
    guard let copied = results.first else { throw lost }
    return copied.rowCount
  }

  /// Ends a COPY … FROM STDIN.
  ///
  /// - Parameter reason: Makes it fail; nil completes it.
  func endCopyIn(because reason: String?) {
    func end(_ text: UnsafePointer<CChar>?) {
      // 0 means that libpq's buffer is full. Where it fails, the next result says why.
      while PQputCopyEnd(connection, text) == 0, wait(for: Int16(POLLIN) | Int16(POLLOUT)) {}
    }
    guard let reason else { return end(nil) }
    reason.withCString { end($0) }
  }

  /// Reads a COPY … TO STDOUT to its end and forgets the rows.
  mutating func discardCopyOut() {
    while let row = nextRow() { PQfreemem(row.baseAddress) }
  }
}

// MARK: - Data

extension ConnectionHandle {
  /// Sends files one after the other.
  ///
  /// - Returns: `false` when the server refused before all was sent.
  private func feed(_ files: [String]) throws(TargetError) -> Bool {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Limits.copyByteCount, alignment: 16)
    defer { buffer.deallocate() }
    for path in files {
      var file = try CopyFile(path)
      while let piece = try file.read(into: buffer) {
        if interrupt.isWanted { throw .cancelled }
        guard try send(piece) else { return false }
      }
    }
    return true
  }

  /// Sends a piece and everything that libpq holds back.
  ///
  /// - Returns: `false` when the server has refused the COPY and sending more is in vain.
  private func send(_ piece: UnsafeRawBufferPointer) throws(TargetError) -> Bool {
    let bytes = piece.bindMemory(to: CChar.self)
    guard PQputCopyData(connection, bytes.baseAddress, Int32(piece.count)) == 1 else { throw lost }
    while true {
      if hasServerRefused { return false }
      let unsent = PQflush(connection)
      guard unsent == 1 else {
        if unsent < 0 { throw lost }
        return true
      }
      // The server may be unable to read on before it has got rid of a message of its own.
      let isReadable = wait(for: Int16(POLLIN) | Int16(POLLOUT))
      if interrupt.isWanted { throw .cancelled }
      if isReadable, !hasServerRefused, PQconsumeInput(connection) == 0 { throw lost }
    }
  }

  /// Whether the server's next message is an error or the end of the connection.
  ///
  /// libpq does not look at messages before a COPY has ended, so that an error in the first line of
  /// 100 GB would be heard of after the last. This look saves most of that, not always: under
  /// encryption the bytes cannot be told; a notice may come before the error; and libpq, when a send
  /// does not go through at once, reads what is there by itself. The error is seen at the end of the
  /// data then. Where a message was read in part, what follows could be taken for an error: that
  /// fails the COPY and never completes it.
  private var hasServerRefused: Bool {
    guard PQsslInUse(connection) == 0, PQgssEncInUse(connection) == 0 else { return false }
    // ErrorResponse: 'E', four bytes of length, then the field 'S' (protocol 3.0, Message Formats).
    return withUnsafeTemporaryAllocation(byteCount: 6, alignment: 1) { start in
      let seen = recv(
        PQsocket(connection), start.baseAddress, start.count,
        Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
      return seen == 0
        || (seen == start.count && start[0] == UInt8(ascii: "E") && start[5] == UInt8(ascii: "S"))
    }
  }

  /// The next row of a COPY … TO STDOUT, to be given back to `PQfreemem`; nil at the end, be it good
  /// or bad.
  private mutating func nextRow() -> UnsafeMutableRawBufferPointer? {
    while true {
      var row: UnsafeMutablePointer<CChar>?
      let byteCount = PQgetCopyData(connection, &row, 1)
      if byteCount > 0 {
        return UnsafeMutableRawBufferPointer(start: row, count: Int(byteCount))
      }
      guard byteCount == 0, pump() else { return nil }
    }
  }
}

/// A CSV file on its way into a COPY.
struct CopyFile: ~Copyable {
  let path: String
  private let descriptor: Int32
  private var lastByte = UInt8(ascii: "\n")

  init(_ path: String) throws(TargetError) {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw TargetError(.unreadableFile, "cannot open: \(systemMessage())", file: path)
    }
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Reads the next piece; nil at the end of the file.
  ///
  /// - Throws: Where the file does not end with a line feed: the next file's first row would become
  ///   part of this one's last.
  mutating func read(
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(TargetError) -> UnsafeRawBufferPointer? {
    var count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
    while count < 0, errno == EINTR {
      count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
    }
    guard count >= 0 else {
      throw TargetError(.unreadableFile, "cannot read: \(systemMessage())", file: path)
    }
    guard count > 0 else {
      guard lastByte == UInt8(ascii: "\n") else {
        throw TargetError(
          .unreadableFile, "does not end with a line feed: the file was cut off", file: path)
      }
      return nil
    }
    lastByte = buffer[count - 1]
    return UnsafeRawBufferPointer(rebasing: buffer[..<count])
  }
}

/// The text of `errno`.
func systemMessage() -> String { String(cString: strerror(errno)) }
