// What the rows of a table are asked for with. Text is asked for as varbinary: neither the server nor
// db-lib then converts it, and the bytes are those that a data file holds. db-lib would turn nvarchar
// into its client charset by iconv, which loses unpaired surrogates, and varchar by the code page of
// the connection's collation, not of the column's.

import Catalog
import Staging

/// The queries that read one table.
struct TableQuery {
  let columns: [SelectedColumn]
  let select: SQLBatch
  let count: SQLBatch
  let order: RowOrder

  /// - Throws: `Fault` that names the column whose values are not read.
  init(_ table: Table) throws(Fault) {
    var selected: [SelectedColumn] = []
    var wireColumn: Int32 = 1
    for column in table.storedColumns {
      let made = try SelectedColumn(column, wireColumn: wireColumn)
      wireColumn += Int32(made.expressions.count)
      selected.append(made)
    }
    columns = selected
    let name = SQLText.quoted(table.name)
    let list = selected.flatMap(\.expressions).joined(separator: ",\n  ")
    let keys = Self.orderColumns(of: table)
    let orderBy = keys.map { "t." + SQLText.quoted($0.name) + ($0.isDescending ? " DESC" : "") }
    // As for a backup: a descending key is no ascending one.
    order = keys.isEmpty || keys.contains(where: \.isDescending) ? .physical : .key
    // The name stands in a comment, so nothing in it may end the line.
    select = SQLBatch(
      "rows \(table.name.fileName)",
      """
      SELECT
        \(list)
      FROM \(name) AS t\(keys.isEmpty ? "" : "\nORDER BY \(orderBy.joined(separator: ", "))");
      \(Self.trailer)
      """)
    count = SQLBatch(
      "count \(table.name.fileName)", "SELECT COUNT_BIG(*) AS row_count FROM \(name)")
  }

  /// The server's own word on how the statement before it ended. db-lib hides the status of a DONE and
  /// keeps only 32 bits of its count; a batch that was cut short does not get here.
  private static let trailer =
    "SELECT @@ERROR AS error_number, ROWCOUNT_BIG() AS row_count;"

  /// The clustered key, in which the server reads without sorting, then the source key where the
  /// first does not tell rows apart.
  private static func orderColumns(of table: Table) -> [KeyColumn] {
    let keys = [table.primaryKey].compactMap(\.self) + table.uniqueConstraints
    var columns =
      keys.first(where: \.isClustered)?.columns
      ?? table.indexes.first { $0.kind == .clustered && !$0.isDisabled }?.columns ?? []
    for name in table.sourceKeyColumns ?? [] where !columns.contains(where: { $0.name == name }) {
      columns.append(KeyColumn(name))
    }
    return columns
  }
}

/// One stored column of a table: how it is asked for and how its bytes become cells.
struct SelectedColumn {
  let name: String
  let kind: CellKind
  let codePage: CodePage
  let expressions: [String]
  /// Number of its first column in the result, from 1.
  let wireColumn: Int32

  init(_ column: Column, wireColumn: Int32) throws(Fault) {
    name = column.name
    self.wireColumn = wireColumn
    do throws(Fault) {
      kind = try CellKind(column.type)
      codePage = try Self.codePage(column)
    } catch {
      throw Fault("column \(column.name): \(error.problem)")
    }
    expressions = Self.expressions("t." + SQLText.quoted(column.name), column.type)
  }

  /// Without a known code page only ASCII is read; other bytes are an error of the row.
  private static func codePage(_ column: Column) throws(Fault) -> CodePage {
    guard let number = column.collation?.codePage else { return .ascii }
    guard let codePage = CodePage(number: number) else {
      throw Fault("code page \(number) is not known here")
    }
    return codePage
  }

  private static func expressions(_ name: String, _ type: ColumnType) -> [String] {
    switch type.base {
    case .char, .varchar: [varbinary(name, type.length)]
    case .nchar, .nvarchar: [varbinary(name, type.length.map { $0 * 2 })]
    case .text: [varbinary("CAST(\(name) AS varchar(max))", nil)]
    case .ntext, .xml: [varbinary("CAST(\(name) AS nvarchar(max))", nil)]
    case .rowversion: [varbinary(name, 8)]
    case .hierarchyid: [varbinary(name, 892)]
    case .geometry, .geography, .clr: [varbinary(name, nil)]
    case .sqlVariant:
      [
        "CAST(CAST(SQL_VARIANT_PROPERTY(\(name), 'BaseType') AS varchar(128)) AS varbinary(128))",
        """
        CAST(COLLATIONPROPERTY(CAST(SQL_VARIANT_PROPERTY(\(name), 'Collation') AS nvarchar(128)), \
        'CodePage') AS int)
        """,
        varbinary(name, 8000),
      ]
    default: [name]
    }
  }

  private static func varbinary(_ expression: String, _ byteCount: Int?) -> String {
    "CAST(\(expression) AS varbinary(\(byteCount.map { "\($0)" } ?? "max")))"
  }
}
