// The tokens of a server's message ([MS-TDS] 2.2.7), each as its bytes.

import BackupFixtures

enum Token {
  /// Bits of DONE's status.
  struct DoneStatus: OptionSet {
    let rawValue: UInt16

    static let more = DoneStatus(rawValue: 0x1)
    static let error = DoneStatus(rawValue: 0x2)
    static let inTransaction = DoneStatus(rawValue: 0x4)
    static let count = DoneStatus(rawValue: 0x10)
    static let attention = DoneStatus(rawValue: 0x20)
  }

  /// What CurCmd says of statements.
  enum Command: UInt16 {
    case none = 0
    case select = 0xC1
    case update = 0xC5
  }

  static func done(
    _ status: DoneStatus, _ command: Command = .none, rowCount: Int = 0
  ) -> [UInt8] {
    [0xFD] + littleEndian(status.rawValue, bytes: 2) + littleEndian(command.rawValue, bytes: 2)
      + littleEndian(UInt64(rowCount), bytes: 8)
  }

  /// ERROR or INFO, by the severity.
  static func message(_ message: ServerMessage, server: String) -> [UInt8] {
    framed(
      message.severity > 10 ? 0xAA : 0xAB,
      littleEndian(message.number, bytes: 4) + [1, UInt8(message.severity)]
        + longText(message.text) + shortText(server) + shortText("")
        + littleEndian(message.line, bytes: 4))
  }

  /// - Parameter version: As LOGIN7 has it; here it is big-endian.
  static func loginAck(version: UInt32) -> [UInt8] {
    framed(
      0xAD,
      [1] + littleEndian(version.byteSwapped, bytes: 4) + shortText("Microsoft SQL Server")
        + [14, 0, 0x0D, 0x80])
  }

  /// What a server adds to the conversation of a Windows login (SSPI).
  static func security(_ token: [UInt8]) -> [UInt8] { framed(0xED, token) }

  static func environment(_ change: EnvironmentChange) -> [UInt8] {
    let content: [UInt8] =
      switch change {
      case .database(let new, let old): [1] + shortText(new) + shortText(old)
      case .language(let new): [2] + shortText(new) + shortText("")
      case .packetSize(let new, let old): [4] + shortText("\(new)") + shortText("\(old)")
      case .collation(let collation): [7, 5] + wireCollation(collation) + [0]
      case .transactionBegun(let id): [8, 8] + littleEndian(id, bytes: 8) + [0]
      case .transactionCommitted(let id): [9, 0, 8] + littleEndian(id, bytes: 8)
      case .transactionRolledBack(let id): [10, 0, 8] + littleEndian(id, bytes: 8)
      }
    return framed(0xE3, content)
  }

  static func columns(_ columns: [ResultColumn]) -> [UInt8] {
    var token: [UInt8] = [0x81] + littleEndian(columns.count, bytes: 2)
    for column in columns {
      let type = WireType(column)
      // Flags: nullable or not; updatable unknown.
      token += littleEndian(type.userType, bytes: 4)
      token += littleEndian(column.isNullable ? 9 : 8, bytes: 2)
      token += type.info + shortText(column.name)
    }
    return token
  }

  /// ROW, or NBCROW with its bitmap of NULLs.
  static func row(
    _ values: [FixtureValue], _ columns: [(column: ResultColumn, type: WireType)],
    _ form: ResultSet.Form, textSize: Int
  ) -> [UInt8] {
    precondition(values.count == columns.count, "a row has as many values as there are columns")
    var row: [UInt8] = [form.usesNullBitmap ? 0xD2 : 0xD1]
    if form.usesNullBitmap {
      var bitmap = Array(repeating: UInt8(0), count: (columns.count + 7) / 8)
      for (index, value) in values.enumerated() where value == .null {
        bitmap[index / 8] |= 1 << UInt8(index % 8)
      }
      row += bitmap
    }
    for (value, (column, type)) in zip(values, columns) {
      type.append(WireValue.bytes(value, column, textSize: textSize), to: &row, form)
    }
    return row
  }

  /// A token whose two bytes of length follow its first byte.
  private static func framed(_ token: UInt8, _ content: [UInt8]) -> [UInt8] {
    [token] + littleEndian(content.count, bytes: 2) + content
  }
}
