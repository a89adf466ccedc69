// What the rows of a table are asked for with. SQL Server is asked for text as varbinary: neither it nor
// db-lib then converts it, and the bytes are those that a data file holds. db-lib would convert all
// text to its client charset with iconv, which refuses unpaired surrogates and has other tables for
// code pages than Windows has; and the charset cannot be UTF-16, as the SQL itself goes through it.
//
// Babelfish keeps text as UTF-8 and makes code-page bytes with question marks of such a cast. It is asked
// for the bytes of its UTF-8 by PostgreSQL's own function, and of text that may be longer than a varbinary
// of a length, and for freebcp, for nvarchar: what was UTF-8 is UTF-8 again after db-lib, at the price
// of two conversions and twice the bytes.

import Catalog
import Staging

/// The queries that read one table.
struct TableQuery {
  let form: TextForm
  let columns: [SelectedColumn]
  let select: SQLBatch
  let count: SQLBatch
  let order: RowOrder

  /// - Parameters:
  ///   - range: Of the table; nil for all of its rows.
  ///   - hint: What follows the table's name: ` WITH (TABLOCK, HOLDLOCK)`.
  ///   - selection: Which rows; nil for all.
  ///   - valueByteCountMax: Of a larger value only the beginning is asked for, one byte more than that.
  /// - Throws: `Fault` that names the column whose values are not read, or the range that is none.
  init(
    _ table: Table, _ form: TextForm = .stored, range: RowRange? = nil, hint: String = "",
    selection: RowSelection? = nil,
    valueByteCountMax: Int = ServerLimits().valueByteCountMax
  ) throws(Fault) {
    self.form = form
    var selected: [SelectedColumn] = []
    var wireColumn: Int32 = 1
    for column in table.storedColumns {
      let made = try SelectedColumn(
        column, form, pieceLength: valueByteCountMax + 1, wireColumn: wireColumn)
      wireColumn += Int32(made.expressions.count)
      selected.append(made)
    }
    columns = selected
    let from = selection?.from ?? SQLText.quoted(table.name)
    let condition = selection.map { "\nWHERE \($0.condition)" } ?? ""
    let label = (selection?.label ?? "") + table.name.fileName
    let list = selected.flatMap(\.expressions).joined(separator: ",\n  ")
    let keys = Self.orderColumns(of: table)
    // As in the list of columns, names alone are learned sooner; but in ORDER BY one could be that of another
    // expression of the list. Its place there is not.
    let places = keys.compactMap { key in
      selected.first { $0.expressions == [SQLText.quoted(key.name)] }?.wireColumn
    }
    let isPlain = form == .utf8 && selection == nil && places.count == keys.count
    let alias = isPlain ? "" : " AS t"
    let terms = isPlain ? places.map { "\($0)" } : keys.map { "t." + SQLText.quoted($0.name) }
    let orderBy = zip(terms, keys).map { $0 + ($1.isDescending ? " DESC" : "") }
    // As for a backup: a descending key is no ascending one.
    order = keys.isEmpty || keys.contains(where: \.isDescending) ? .physical : .key
    let part = try range.map { range throws(Fault) in
      try KeyRanges(of: table, form).condition(range)
    }
    // The name stands in a comment, so nothing in it may end the line.
    select = SQLBatch(
      "rows \(label)\(range.map { ", range \($0.number)" } ?? "")",
      """
      SELECT
        \(list)
      FROM \(from)\(alias)\(hint)\(part.map { "\n\($0)" } ?? "")\(condition)\(keys.isEmpty ? "" : "\nORDER BY \(orderBy.joined(separator: ", "))");
      \(Self.trailer)
      """)
    count = SQLBatch(
      "count \(label)", "SELECT COUNT_BIG(*) AS row_count FROM \(from)\(alias)\(hint)\(condition)")
  }

  /// The server's own word on how the statement before it ended. db-lib hides the status of a DONE and
  /// keeps only 32 bits of its count; a batch that was cut short does not get here.
  private static let trailer =
    "SELECT @@ERROR AS error_number, ROWCOUNT_BIG() AS row_count;"

  /// The clustered key, in which the server reads without sorting, then the source key where the
  /// first does not tell rows apart.
  static func orderColumns(of table: Table) -> [KeyColumn] {
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

/// How a server gives text.
enum TextForm {
  /// varbinary: the bytes that are stored.
  case stored
  /// nvarchar: for servers that store no such bytes.
  case unicode
  /// varbinary of UTF-8 where it is short enough, else nvarchar.
  case utf8

  init(_ kind: ServerVersion.Kind) { self = kind == .babelfish ? .utf8 : .stored }

  /// freebcp takes nvarchar and writes UTF-8 itself.
  init(ofFreeBCP kind: ServerVersion.Kind) { self = kind == .babelfish ? .unicode : .stored }
}

/// One stored column of a table: how it is asked for and how its bytes become cells.
struct SelectedColumn {
  let name: String
  let kind: CellKind
  let codePage: CodePage
  let expressions: [String]
  /// Of a sql_variant that comes in its own type: a kind for each of the expressions after the first,
  /// which is the name of the type.
  let alternatives: [CellKind]
  /// Number of its first column in the result, from 1.
  let wireColumn: Int32

  /// - Parameter pieceLength: How much of a (max) value is asked for, in bytes; in characters where a
  ///   server gives text as such.
  init(
    _ column: Column, _ form: TextForm, pieceLength: Int, wireColumn: Int32
  ) throws(Fault) {
    name = column.name
    self.wireColumn = wireColumn
    do throws(Fault) {
      let stored = try CellKind(column.type)
      kind = form == .stored ? stored : stored.asUTF8
      codePage = form == .stored ? try Self.codePage(column) : try Self.codePage(number: 65001)
    } catch {
      throw Fault("column \(column.name): \(error.problem)")
    }
    // There is one table, but that each name says so costs Babelfish a tenth of a second on each connection.
    let name = (form == .utf8 ? "" : "t.") + SQLText.quoted(column.name)
    switch (form, column.type.base) {
    case (.stored, _):
      expressions = Self.expressions(name, column.type, pieceLength)
      alternatives = []
    case (_, .sqlVariant):
      let baseType = Self.baseType(name)
      expressions = [baseType] + VariantForm.all.map { $0.expression(name, baseType) }
      alternatives = VariantForm.all.map(\.kind)
    case (_, _):
      expressions = [Self.unicode(name, column.type, form, pieceLength)]
      alternatives = []
    }
  }

  /// Without a known code page only ASCII is read; other bytes are an error of the row.
  private static func codePage(_ column: Column) throws(Fault) -> CodePage {
    guard let number = column.collation?.codePage else { return .ascii }
    return try codePage(number: number)
  }

  private static func codePage(number: Int) throws(Fault) -> CodePage {
    guard let codePage = CodePage(number: number) else {
      throw Fault("code page \(number) is not known here")
    }
    return codePage
  }

  private static func expressions(
    _ name: String, _ type: ColumnType, _ pieceLength: Int
  ) -> [String] {
    func large(_ expression: String) -> [String] {
      ["SUBSTRING(CAST(\(expression) AS varbinary(max)), 1, \(pieceLength))"]
    }
    return switch type.base {
    case .char, .varchar, .nchar, .nvarchar, .varbinary:
      switch (type.length, type.base) {
      case (nil, _): large(name)
      case (_, .varbinary): [name]
      case (let length?, .char), (let length?, .varchar): [varbinary(name, length)]
      case (let length?, _): [varbinary(name, length * 2)]
      }
    case .text: large("CAST(\(name) AS varchar(max))")
    case .ntext, .xml: large("CAST(\(name) AS nvarchar(max))")
    case .image, .geometry, .geography, .clr: large(name)
    case .rowversion: [varbinary(name, 8)]
    case .hierarchyid: [varbinary(name, 892)]
    case .sqlVariant:
      [
        varbinary(baseType(name), 128),
        """
        CAST(COLLATIONPROPERTY(CAST(SQL_VARIANT_PROPERTY(\(name), 'Collation') AS nvarchar(128)), \
        'CodePage') AS int)
        """,
        varbinary(name, 8000),
      ]
    default: [name]
    }
  }

  private static func unicode(
    _ name: String, _ type: ColumnType, _ form: TextForm, _ pieceLength: Int
  ) -> String {
    let isLarge = type.length.map { $0 > 4000 } ?? true
    switch type.base {
    case .char, .varchar, .nchar, .nvarchar:
      guard let length = type.length, !isLarge else { break }
      let text = "CAST(\(name) AS nvarchar(\(length)))"
      // A character of PostgreSQL has four bytes at most.
      guard form == .utf8, length * 4 <= 8000 else { return text }
      return "CAST(pg_catalog.convert_to(\(text), 'UTF8') AS varbinary(\(length * 4)))"
    case .text, .ntext, .xml: break
    default: return expressions(name, type, pieceLength)[0]
    }
    return "SUBSTRING(CAST(\(name) AS nvarchar(max)), 1, \(pieceLength))"
  }

  private static func baseType(_ name: String) -> String {
    "CAST(SQL_VARIANT_PROPERTY(\(name), 'BaseType') AS varchar(128))"
  }

  private static func varbinary(_ expression: String, _ byteCount: Int) -> String {
    "CAST(\(expression) AS varbinary(\(byteCount)))"
  }
}

/// A column that holds a sql_variant where it is of some types, and NULL where it is of others.
private struct VariantForm {
  let types: [String]
  let cast: String
  let kind: CellKind

  func expression(_ name: String, _ baseType: String) -> String {
    let list = types.map { "'\($0)'" }.joined(separator: ", ")
    let value = cast.replacing("?", with: name)
    let choice = "CASE WHEN \(baseType) IN (\(list)) THEN \(value) END"
    // Babelfish makes a varchar of a CASE of nvarchar.
    return cast.contains("AS nvarchar(") ? "CAST(\(choice) AS nvarchar(4000))" : choice
  }

  static let all = [
    VariantForm(
      types: ["bit", "tinyint", "smallint", "int", "bigint"], cast: "CAST(? AS bigint)",
      kind: .int8),
    VariantForm(
      types: ["decimal", "numeric"], cast: "CAST(? AS nvarchar(60))", kind: .text(width: nil)),
    VariantForm(types: ["money", "smallmoney"], cast: "CAST(? AS money)", kind: .money8),
    VariantForm(types: ["float"], cast: "CAST(? AS float)", kind: .float8),
    VariantForm(types: ["real"], cast: "CAST(? AS real)", kind: .float4),
    VariantForm(types: ["smalldatetime"], cast: "CAST(? AS smalldatetime)", kind: .smallDateTime),
    VariantForm(types: ["datetime"], cast: "CAST(? AS datetime)", kind: .dateTime),
    VariantForm(types: ["date"], cast: "CAST(? AS date)", kind: .date),
    VariantForm(types: ["time"], cast: "CAST(? AS time(7))", kind: .time),
    VariantForm(types: ["datetime2"], cast: "CAST(? AS datetime2(7))", kind: .dateTime2),
    VariantForm(
      types: ["datetimeoffset"], cast: "CAST(? AS datetimeoffset(7))", kind: .dateTimeOffset),
    VariantForm(
      types: ["char", "varchar", "nchar", "nvarchar", "sysname"], cast: "CAST(? AS nvarchar(4000))",
      kind: .text(width: nil)),
    VariantForm(
      types: ["binary", "varbinary"], cast: "CAST(? AS varbinary(8000))", kind: .bytes),
    VariantForm(
      types: ["uniqueidentifier"], cast: "CAST(? AS uniqueidentifier)", kind: .uniqueIdentifier),
  ]
}
