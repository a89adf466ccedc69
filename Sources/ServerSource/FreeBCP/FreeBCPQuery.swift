// What freebcp is asked for, and in which form it writes it down.
//
// Its own character form is not exact: datetime2 loses digits, nothing is escaped, and an empty binary
// value looks like NULL. A format file instead makes it write each field as its length in four bytes and
// then the value as the protocol has it. No terminator can then occur in the data, because there is none;
// the line feed after the last field of a row is a check that both sides agree where the row ends.

import Catalog
import Staging

/// The query for the rows of one table, and the format file for its result.
struct FreeBCPQuery {
  let columns: [FreeBCPColumn]
  let select: String
  let formatFile: String
  let count: SQLBatch
  let order: RowOrder

  /// Linux takes no longer argument (MAX_ARG_STRLEN), and the query is one.
  private static let byteCountMax = 131_000

  /// - Throws: `Fault` that names the column that freebcp does not carry.
  init(
    _ table: Table, _ form: TextForm, hint: String, valueByteCountMax: Int
  ) throws(Fault) {
    let query = try TableQuery(table, form, hint: hint, valueByteCountMax: valueByteCountMax)
    var made: [FreeBCPColumn] = []
    for column in query.columns { made.append(try FreeBCPColumn(column, form)) }
    columns = made
    count = query.count
    order = query.order
    let fields = made.flatMap(\.fields)
    select = Self.select(fields, from: "\(SQLText.quoted(table.name)) AS t\(hint)", table, query)
    guard select.utf8.count < Self.byteCountMax else {
      throw Fault("the query is longer than an argument of a program may be")
    }
    formatFile = Self.formatFile(fields)
  }

  private static func select(
    _ fields: [FreeBCPField], from source: String, _ table: Table, _ query: TableQuery
  ) -> String {
    let keys = TableQuery.orderColumns(of: table)
    func orderBy(_ keyName: (Int) -> String) -> String {
      if keys.isEmpty { return "" }
      return "\nORDER BY "
        + keys.enumerated().map { keyName($0) + ($1.isDescending ? " DESC" : "") }
        .joined(separator: ", ")
    }
    let quotedKeys = keys.map { "t." + SQLText.quoted($0.name) }
    // Without this comment nobody who watches the server knows what it is.
    let mark = "-- restage: \(query.select.name)\n"
    guard query.form == .unicode else {
      let list = fields.map(\.expression).joined(separator: ",\n  ")
      return mark + "SELECT\n  \(list)\nFROM \(source)" + orderBy { quotedKeys[$0] }
    }
    // freebcp first asks for the columns alone (SET FMTONLY ON), which Babelfish understands of
    // "select *" only: freebcp would wait for ever on rows that it did not expect.
    let list =
      fields.enumerated().map { "\($1.expression) AS c\($0 + 1)" }
      + quotedKeys.enumerated().map { "\($1) AS k\($0 + 1)" }
    return "select * from (SELECT\n  \(list.joined(separator: ",\n  "))\nFROM \(source)) AS q"
      + orderBy { "q.k\($0 + 1)" }
  }

  /// Fields beyond those that the format file lists are not written.
  private static func formatFile(_ fields: [FreeBCPField]) -> String {
    var lines = ["10.0", "\(fields.count)"]
    for (index, field) in fields.enumerated() {
      let end = index == fields.count - 1 ? #""\n""# : #""""#
      lines.append("\(index + 1) \(field.hostType) 4 -1 \(end) \(index + 1)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// One field of freebcp's output.
struct FreeBCPField {
  let expression: String
  /// The type in which freebcp writes it: always the one in which it comes, or text that comes as text.
  let hostType: String
}

/// How one stored column comes through freebcp.
struct FreeBCPColumn {
  indirect enum Form {
    /// One field with the value's own bytes; no bytes for NULL.
    case native
    /// One field of text as ISO 8601 has dates and times, because freebcp has no type for
    /// those of SQL Server 2008 and later.
    case isoTime
    /// The number of bytes, and the bytes. freebcp writes nothing for NULL and nothing for an empty
    /// value; only the number tells them apart, and proves that the value came whole.
    case counted
    /// One field of UTF-8; a single NUL for an empty value.
    case utf8
    /// Base type, code page and bytes.
    case variant
    /// Base type, and a column for each kind of values, all but one of them NULL.
    case alternatives([FreeBCPColumn])
  }

  let name: String
  let kind: CellKind
  let codePage: CodePage
  let form: Form
  let fields: [FreeBCPField]

  init(_ selected: SelectedColumn, _ textForm: TextForm) throws(Fault) {
    guard case .variant = selected.kind else {
      try self.init(selected, selected.kind, selected.expressions[0], textForm)
      return
    }
    guard textForm == .unicode else {
      let hostTypes = ["SYBBINARY", "SYBINT4", "SYBBINARY"]
      self.init(
        selected, .variant, fields: zip(selected.expressions, hostTypes).map(FreeBCPField.init))
      return
    }
    var columns: [FreeBCPColumn] = []
    for (kind, expression) in zip(selected.alternatives, selected.expressions.dropFirst()) {
      columns.append(try FreeBCPColumn(selected, kind, expression, textForm))
    }
    let baseType = FreeBCPField(expression: selected.expressions[0], hostType: "SYBCHAR")
    self.init(
      selected, .alternatives(columns), fields: [baseType] + columns.flatMap(\.fields))
  }

  private init(_ variant: SelectedColumn, _ form: Form, fields: [FreeBCPField]) {
    name = variant.name
    kind = .variant
    codePage = variant.codePage
    self.form = form
    self.fields = fields
  }

  private init(
    _ selected: SelectedColumn, _ kind: CellKind, _ expression: String, _ textForm: TextForm
  ) throws(Fault) {
    name = selected.name
    self.kind = kind
    codePage = selected.codePage
    switch kind {
    case .date, .time, .dateTime2, .dateTimeOffset:
      form = .isoTime
      // Babelfish takes many times as long for CONVERT; what it makes of CAST has the same
      // digits, but for zeros at their end.
      let text =
        textForm == .unicode
        ? "CAST(\(expression) AS varchar(40))" : "CONVERT(varchar(40), \(expression), 121)"
      fields = [FreeBCPField(expression: text, hostType: "SYBCHAR")]
    case .text where textForm == .unicode:
      form = .utf8
      fields = [FreeBCPField(expression: expression, hostType: "SYBCHAR")]
    case .bytes, .utf16, .text, .hierarchyID:
      form = .counted
      fields = [
        FreeBCPField(expression: "DATALENGTH(\(expression))", hostType: "SYBINT8"),
        FreeBCPField(expression: expression, hostType: "SYBBINARY"),
      ]
    default:
      guard let hostType = kind.hostType else {
        throw Fault("column \(selected.name): freebcp has no form for its type")
      }
      form = .native
      fields = [FreeBCPField(expression: expression, hostType: hostType)]
    }
  }
}

extension CellKind {
  /// The name that format files have for the type in which the value comes.
  fileprivate var hostType: String? {
    switch self {
    case .bit: "SYBBIT"
    case .int1: "SYBINT1"
    case .int2: "SYBINT2"
    case .int4: "SYBINT4"
    case .int8: "SYBINT8"
    case .decimal: "SYBNUMERIC"
    case .money8: "SYBMONEY"
    case .money4: "SYBMONEY4"
    case .float8: "SYBFLT8"
    case .float4: "SYBREAL"
    case .smallDateTime: "SYBDATETIME4"
    case .dateTime: "SYBDATETIME"
    case .uniqueIdentifier: "SYBBINARY"
    default: nil
    }
  }
}
