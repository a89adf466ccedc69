// Exports of changed rows alone.

public import Catalog
public import Staging

extension ServerSource {
  public func watermarks(of tables: [(table: Table, changes: ChangeSource)]) throws -> [ObjectName:
    Watermark]
  {
    // What was committed while an earlier export made its snapshot cannot be told any more.
    guard !tables.isEmpty, !isTakenOver else { return [:] }
    let marks = try earlyMarks ?? onConnection { try SourceMarks(on: $0) }
    var watermarks: [ObjectName: Watermark] = [:]
    for (table, changes) in tables {
      switch changes {
      case .rowversion(let column):
        watermarks[table.name] = marks.rowversion.map {
          Watermark(kind: .rowversion, column: column, value: $0)
        }
      case .changeTracking:
        watermarks[table.name] = marks.version.map {
          Watermark(kind: .changeTracking, value: "\($0)")
        }
      case .column(let column, _):
        let latest = try onConnection { try $0.latestMoment(of: table, in: column) }
        watermarks[table.name] = Watermark(kind: .column, column: column, value: latest)
      }
      watermarks[table.name]?.columns = Watermark.fingerprint(of: table)
    }
    return watermarks
  }

  public func problem(
    ofChangesIn table: Table, by changes: ChangeSource, since watermark: Watermark
  ) throws -> String? {
    switch changes {
    case .rowversion: return nil
    case .column:
      return watermark.value == Self.beginningOfTime ? "it was empty the last time" : nil
    case .changeTracking:
      let oldest = try onConnection { try $0.oldestVersion(of: table) }
      guard let oldest else {
        return "Change Tracking is not on for it, or the login lacks VIEW CHANGE TRACKING"
      }
      guard let since = Int64(watermark.value), since >= oldest else {
        return "its changes are kept from version \(oldest) on, and \(watermark.value) is older"
      }
      return nil
    }
  }

  public func readChanges(
    of table: Table, by changes: ChangeSource, since watermark: Watermark,
    into writer: inout TableWriter, removed: inout TableWriter?
  ) throws -> RowOrder {
    let form = TextForm(server.version.kind)
    return try reading { connection in
      let selection = try selecting(table) { () throws(Fault) in
        try RowSelection(table, by: changes, since: watermark)
      }
      let reader = try RowReader(
        table, form, mode, selection: selection, pace: connections.pace, on: connection)
      noteCounts(try reader.read(into: &writer), of: table, into: &writer)
      if var keys = removed.take() {
        let gone = try selecting(table) { () throws(Fault) in
          try RowSelection.removed(from: table, since: watermark)
        }
        _ = try RowReader(keys.table, form, mode, selection: gone, on: connection)
          .read(into: &keys)
        removed = consume keys
        try checkVersions(of: table, since: watermark, on: connection)
      }
      return reader.query.order
    }
  }

  /// What was cleaned up while it was read is missing without a word.
  private func checkVersions(
    of table: Table, since watermark: Watermark, on connection: ServerConnection
  ) throws(ServerError) {
    guard let oldest = try connection.oldestVersion(of: table),
      let since = Int64(watermark.value), since >= oldest
    else {
      throw ServerError(
        .conflict, server: address.label, place: "\(table.name)",
        problem: "Change Tracking was cleaned up while its changes were read")
    }
  }

  private func selecting(
    _ table: Table, _ body: () throws(Fault) -> RowSelection
  ) throws(ServerError) -> RowSelection {
    do throws(Fault) {
      return try body()
    } catch {
      throw ServerError(
        .unknown, server: address.label, place: "\(table.name)", problem: error.problem,
        advice: "export without --since")
    }
  }

  static let beginningOfTime = "0001-01-01T00:00:00.0000000"
}

/// Up to where a database's changes go. Whatever is committed before they are asked for is older.
struct SourceMarks: Hashable, Sendable {
  /// The lowest rowversion that a transaction may still be about to use; nil where the server does not
  /// say it. `0x` and 16 hex digits.
  let rowversion: String?
  /// Of Change Tracking; nil where it is not on in the database.
  let version: Int64?

  init(on connection: ServerConnection) throws(ServerError) {
    rowversion = try connection.ask(
      SQLBatch(
        "rowversion",
        "SELECT CONVERT(varchar(18), MIN_ACTIVE_ROWVERSION(), 1) AS lowest_active")
    )?.text("lowest_active").flatMap { RowSelection.isRowversion($0) ? $0 : nil }
    version = try connection.ask(
      SQLBatch(
        "change tracking version",
        "SELECT CAST(CHANGE_TRACKING_CURRENT_VERSION() AS bigint) AS current_version")
    )?.integer("current_version").map(Int64.init)
  }
}

extension ServerConnection {
  /// - Returns: nil where the server does not know what is asked for.
  fileprivate func ask(_ batch: SQLBatch) throws(ServerError) -> ResultRecord? {
    do throws(ServerError) {
      return try query(batch).first
    } catch {
      guard error.code == .sql || error.code == .permission, recover() else { throw error }
      return nil
    }
  }

  /// The first version of Change Tracking from which a table's changes are known; nil without it.
  fileprivate func oldestVersion(of table: Table) throws(ServerError) -> Int64? {
    let name = SQLText.literal(SQLText.quoted(table.name))
    return try ask(
      SQLBatch(
        "change tracking since",
        """
        SELECT CAST(CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(\(name))) AS bigint) AS oldest_version
        """)
    )?.integer("oldest_version").map(Int64.init)
  }

  /// The newest time in a column, but for times that lie in the future: they would hide every change
  /// until then.
  fileprivate func latestMoment(of table: Table, in column: String) throws(ServerError) -> String {
    let name = "t.\(SQLText.quoted(column))"
    let isOffset = table.column(named: column)?.type.base == .datetimeoffset
    let utc = isOffset ? "SWITCHOFFSET(\(name), 0)" : name
    let found = try query(
      SQLBatch(
        "latest \(table.name.fileName)",
        """
        SELECT CONVERT(nvarchar(30), MAX(CAST(\(utc) AS datetime2(7))), 126) AS latest
        FROM \(SQLText.quoted(table.name)) AS t
        WHERE \(name) <= DATEADD(day, 1, SYSUTCDATETIME())
        """)
    ).first?.text("latest")
    guard let found else { return ServerSource.beginningOfTime }
    guard let moment = Self.withSevenDigits(found) else {
      throw ServerError(
        .badAnswer, server: address.label, place: "\(table.name).\(column)",
        problem: "the newest time came as '\(found)'")
    }
    return moment
  }

  /// Servers leave zeros away, and Babelfish writes a blank for the T.
  static func withSevenDigits(_ moment: String) -> String? {
    let parts = moment.replacing(" ", with: "T").split(
      separator: ".", omittingEmptySubsequences: false)
    let digits = parts.count == 2 ? String(parts[1]) : ""
    let pattern = Array("dddd-dd-ddTdd:dd:dd".utf8)
    let isMoment =
      parts.count <= 2 && parts[0].utf8.count == pattern.count
      && zip(parts[0].utf8, pattern).allSatisfy { byte, wanted in
        wanted == UInt8(ascii: "d") ? (0x30...0x39).contains(byte) : byte == wanted
      }
    guard isMoment, digits.utf8.count <= 7,
      digits.utf8.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    return "\(parts[0]).\(digits)" + String(repeating: "0", count: 7 - digits.utf8.count)
  }
}
