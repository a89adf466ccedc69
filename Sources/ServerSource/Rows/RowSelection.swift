import Catalog
import Staging

/// Some rows of a table, as a query says it of the table `t`.
struct RowSelection: Hashable {
  /// What is read instead of the table itself.
  var from: String?
  let condition: String
  /// What stands before the table's name in the name of the batch.
  var label = ""
}

extension RowSelection {
  /// Rows that changed since a watermark.
  ///
  /// There is no upper bound: whatever else is seen has changed after the next watermark was taken, and
  /// is read again next time. Left out, its children could come without it.
  init(_ table: Table, by changes: ChangeSource, since watermark: Watermark) throws(Fault) {
    switch changes {
    case .rowversion(let column):
      guard Self.isRowversion(watermark.value) else {
        throw Fault("the watermark \\(watermark.value) is no rowversion")
      }
      condition = "t.\(SQLText.quoted(column)) >= \(watermark.value)"
    case .changeTracking:
      let version = try Self.version(watermark)
      condition = """
        EXISTS (
          SELECT 1
          FROM CHANGETABLE(CHANGES \(SQLText.quoted(table.name)), \(version)) AS c
          WHERE \(try Self.keyPairs(table, "c", "t"))
        )
        """
    case .column(let column, let overlapSeconds):
      let name = "t.\(SQLText.quoted(column))"
      let moment = "CAST(\(SQLText.literal(watermark.value)) AS datetime2(7))"
      // A row that says nothing of its last change may have changed.
      condition =
        "(\(name) >= DATEADD(second, -\(overlapSeconds), \(moment)) OR \(name) IS NULL)"
    }
  }

  /// Keys of rows that were deleted since a watermark and did not come back.
  static func removed(
    from table: Table, since watermark: Watermark
  ) throws(Fault) -> RowSelection {
    let name = SQLText.quoted(table.name)
    return RowSelection(
      from: "CHANGETABLE(CHANGES \(name), \(try version(watermark)))",
      condition: """
        t.SYS_CHANGE_OPERATION = N'D'
          AND NOT EXISTS (
            SELECT 1
            FROM \(name) AS x
            WHERE \(try keyPairs(table, "x", "t"))
          )
        """,
      label: "removed ")
  }

  private static func keyPairs(
    _ table: Table, _ left: String, _ right: String
  ) throws(Fault) -> String {
    guard let key = table.primaryKey?.columnNames, !key.isEmpty else {
      throw Fault("Change Tracking needs a primary key")
    }
    return key.map { "\(left).\(SQLText.quoted($0)) = \(right).\(SQLText.quoted($0))" }
      .joined(separator: " AND ")
  }

  private static func version(_ watermark: Watermark) throws(Fault) -> Int64 {
    guard let version = Int64(watermark.value), version >= 0 else {
      throw Fault("the watermark \(watermark.value) is no version of Change Tracking")
    }
    return version
  }

  /// `0x` and 16 hex digits. What comes out of a manifest goes into SQL only so.
  static func isRowversion(_ text: String) -> Bool {
    text.hasPrefix("0x") && text.utf8.count == 18
      && text.utf8.dropFirst(2).allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte)
      }
  }
}
