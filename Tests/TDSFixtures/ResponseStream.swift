// A response as a stream of tokens, made one row at a time, with its fault built in.

import BackupFixtures

struct ResponseStream {
  enum Item {
    case tokens([UInt8])
    /// After the last tokens the answer ends, in a way that no client hopes for.
    case halt([UInt8], Halt)
  }

  enum Halt { case reset, close, truncatedPacket, stall }

  private let response: Response
  private let fault: Fault?
  private let textSize: Int
  private let server: String
  private let inTransaction: Bool
  private var partIndex = 0
  private var rows: OpenResultSet?
  private var rowCountSoFar = 0
  private var hasFailed = false
  private var endsWithDone = false
  private(set) var isOver = false

  /// A result set whose columns the client has.
  private struct OpenResultSet {
    var set: ResultSet
    var columns: [(column: ResultColumn, type: WireType)]
    var index = 0
    var end: Int
  }

  init(_ response: Response, fault: Fault?, session: SessionState, server: String) {
    self.response = response
    self.fault = fault
    self.server = server
    textSize = session.textSize
    inTransaction = session.transaction != nil
  }

  /// What comes next; nil after the end.
  mutating func next() -> Item? {
    guard !isOver else { return nil }
    if rows != nil { return nextRow() }
    guard partIndex < response.parts.count else {
      isOver = true
      return endsWithDone ? nil : .tokens(done(.none, rowCount: nil))
    }
    defer { partIndex += 1 }
    return begin(response.parts[partIndex])
  }

  private mutating func begin(_ part: Response.Part) -> Item {
    endsWithDone = false
    switch part {
    case .message(let message):
      if message.severity > 10 { hasFailed = true }
      return .tokens(Token.message(message, server: server))
    case .environment(let change): return .tokens(Token.environment(change))
    case .statement(let rowCount):
      let isLast = partIndex + 1 == response.parts.count
      endsWithDone = true
      return .tokens(done(rowCount == nil ? .none : .update, rowCount: rowCount, isLast: isLast))
    case .rows(let set):
      var end = set.rowCount
      if case .fewerRows(let count) = fault { end = min(end, count) }
      rows = OpenResultSet(
        set: set, columns: set.columns.map { ($0, WireType($0)) }, end: end)
      return .tokens(Token.columns(set.columns))
    }
  }

  private mutating func nextRow() -> Item {
    guard var open = rows else { return .tokens([]) }
    if let fault, fault.rowNumber == rowCountSoFar { return strike(fault, open) }
    guard open.index < open.end else {
      rows = nil
      endsWithDone = true
      let isLast = partIndex == response.parts.count
      return .tokens(done(.select, rowCount: open.index, isLast: isLast))
    }
    let row = row(open)
    open.index += 1
    rowCountSoFar += 1
    rows = open
    return .tokens(row)
  }

  private func row(_ open: OpenResultSet) -> [UInt8] {
    Token.row(open.set.row(open.index), open.columns, open.set.form, textSize: textSize)
  }

  private mutating func strike(_ fault: Fault, _ open: OpenResultSet) -> Item {
    isOver = true
    switch fault {
    case .reset: return .halt(half(open), .reset)
    case .close: return .halt(half(open), .close)
    case .truncatedPacket: return .halt(half(open), .truncatedPacket)
    case .stall: return .halt([], .stall)
    case .noDone: return .tokens([])
    case .error(let number, let severity, let text, _):
      hasFailed = true
      let message = ServerMessage(number, severity: severity, text)
      return .tokens(
        Token.message(message, server: server) + done(.select, rowCount: rowCountSoFar))
    case .wrongRowCount, .doneWithError, .doneWithoutCount, .fewerRows, .drip: return .tokens([])
    }
  }

  /// The first half of the next row; of the DONE where there is no next row.
  private func half(_ open: OpenResultSet) -> [UInt8] {
    let whole =
      open.index < open.end ? row(open) : done(.select, rowCount: open.index)
    return Array(whole.prefix(whole.count / 2))
  }

  private func done(_ command: Token.Command, rowCount: Int?, isLast: Bool = true) -> [UInt8] {
    var status: Token.DoneStatus = []
    var count = rowCount
    if !isLast { status.insert(.more) }
    if inTransaction { status.insert(.inTransaction) }
    if hasFailed { status.insert(.error) }
    if command == .select {
      switch fault {
      case .wrongRowCount(let difference): count = count.map { $0 + difference }
      case .doneWithError: status.insert(.error)
      case .doneWithoutCount: count = nil
      default: break
      }
    }
    if count != nil { status.insert(.count) }
    return Token.done(status, command, rowCount: count ?? 0)
  }
}
