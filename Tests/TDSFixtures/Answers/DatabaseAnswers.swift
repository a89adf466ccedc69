// A described database as a server: the questions of its client are read, not known by heart.

public import BackupFixtures
public import Catalog

/// Answers the catalog queries and table reads of `ServerSource` from a description.
///
/// A catalog query is recognised by its marker and gets the columns that its list names. The reading of
/// a table is evaluated as it is written: its expressions, its order, its counts. A client that asks for
/// the wrong thing gets the wrong thing.
public struct DatabaseAnswers: Sendable {
  public var database: FixtureDatabase
  /// 14 is SQL Server 2017.
  public var productVersion = "14.0.3456.2"
  public var allowsSnapshot = true
  public var isReadOnly = false
  /// A server that calls itself SQL Server 2014 and stores text as UTF-8.
  public var isBabelfish = false
  public var permissions = Permissions()
  /// Answers that come instead of those of the description, by the name of the batch; nil is that there is
  /// no such view.
  public var overrides: [String: ResultSet?] = [:]
  /// How many rows fewer than there are COUNT_BIG says there are.
  public var missingFromCount = 0
  /// Of a database snapshot.
  public var sourceDatabaseID: Int?
  /// Where the database's log ends, for the batch that asks.
  public var logEnd: @Sendable (Batch) -> String = { _ in "0000001F:00000030:0001" }
  public var form = ResultSet.Form()

  /// What the login may see, and what keeps it from seeing all there is.
  public struct Permissions: Sendable {
    public var mayViewDefinition = true
    public var mayUnmask = true
    /// Tables without SELECT.
    public var unreadable: Set<ObjectName> = []
    /// Tables with a security policy.
    public var filtered: Set<ObjectName> = []
    public var memoryOptimized: Set<ObjectName> = []
    /// Alias types that the login has no permission on.
    public var unseenTypes: Set<ObjectName> = []
    /// Columns, by name.
    public var masked: Set<String> = []
    public var encrypted: Set<String> = []
  }

  public init(_ database: FixtureDatabase) {
    self.database = database
  }

  /// Starts a server that gives these answers.
  public func serve(
    encryption: ServerEncryption = .unavailable, faults: FaultPlan = FaultPlan()
  ) throws -> TDSServer {
    let configuration = TDSServer.Configuration(
      databases: [database.catalog.name], encryption: encryption)
    return try serve(configuration, faults: faults)
  }

  /// Starts a server of another configuration that gives these answers.
  public func serve(
    _ configuration: TDSServer.Configuration, faults: FaultPlan = FaultPlan()
  ) throws -> TDSServer {
    try TDSServer(configuration, faults: faults, answer: response)
  }

  public func response(_ batch: Batch) throws -> Response {
    var response = Response([])
    var rowCount = 0
    for (position, statement) in try SelectStatement.statements(in: batch.text).enumerated() {
      var before = Expression.Context(rowCountBefore: rowCount)
      // A DONE with its error bit set is no whim of DONE: the session knows of the error, too.
      if batch.fault == .doneWithError { before.errorBefore = 8134 }
      let override = position == 0 ? overrides[batch.name] : nil
      if case .some(.none) = override ?? missingView(of: batch) {
        throw ServerMessage(208, "Invalid object name 'sys.x'.")
      }
      let result = try override.flatMap(\.self) ?? self.result(of: statement, in: batch, before)
      rowCount = result.rowCount
      response.parts.append(.rows(result))
    }
    return response
  }

  /// As for an override, where the batch counts the rows of a view that is not there.
  private func missingView(of batch: Batch) -> ResultSet?? {
    guard batch.name.hasPrefix("filling") else { return nil }
    let text = batch.text.filter { !"[]".contains($0) }
    let questions = Self.questions.filter { text.contains("sys.\($0.key)") }.flatMap(\.value)
    let isMissing = questions.contains { question in
      if case .some(.none) = overrides[question] { true } else { false }
    }
    return isMissing ? .some(.none) : nil
  }

  private func result(
    of statement: SelectStatement, in batch: Batch, _ before: Expression.Context
  ) throws -> ResultSet {
    if let table = statement.table, table.schema != "sys" {
      return try rows(of: table, statement)
    }
    if let rows = catalogRows(batch) { return try catalogResult(rows, statement) }
    guard statement.table == nil else {
      throw ServerMessage(208, "Invalid object name '\(statement.table?.description ?? "")'.")
    }
    let expressions = try statement.items.map { try Expression($0.expression, before) }
    return ResultSet(
      zip(statement.items, expressions).map { $1.column.named($0.alias) },
      rows: [try expressions.map { try $0.value([]) }])
  }
}

// MARK: - Tables

extension DatabaseAnswers {
  private func rows(of name: ObjectName, _ statement: SelectStatement) throws -> ResultSet {
    guard let table = database.tables.first(where: { $0.table.name == name }) else {
      throw ServerMessage(208, "Invalid object name '\(name)'.")
    }
    guard !statement.isMoreThanAList else {
      throw ServerMessage(50_003, "the fixture reads one table at a time")
    }
    if let (order, numberName) = try statement.innerRowNumber() {
      return try numberedRows(of: table, order, numberName, statement)
    }
    let context = Expression.Context(
      columns: table.table.storedColumns, rowCount: table.rowCount - missingFromCount,
      integers: { index in
        (0..<table.rowCount).compactMap { number in
          if case .integer(let value) = table.row(number)[index] { value } else { nil }
        }
      })
    let expressions = try statement.items.map { try Expression($0.expression, context) }
    let columns = zip(statement.items, expressions).map { $1.column.named($0.alias) }
    let isCount = expressions.allSatisfy { if case .constant = $0 { true } else { false } }
    if isCount, statement.rowCountMax == nil {
      guard statement.condition.isEmpty else {
        throw ServerMessage(50_003, "the fixture counts whole tables only")
      }
      return ResultSet(columns, form: form, rows: [try expressions.map { try $0.value([]) }])
    }
    let order = try order(of: table, by: statement.orderBy)
    let chosen = try chosenRows(of: table, statement, context, order)
    return ResultSet(columns, form: form, rowCount: chosen.count) { number in
      let row = table.row(chosen[number])
      do {
        return try expressions.map { try $0.value(row) }
      } catch {
        preconditionFailure("\(name): \(error)")
      }
    }
  }

  /// Numbers of the rows that the condition lets through, in their order.
  private func chosenRows(
    of table: FixtureTable, _ statement: SelectStatement, _ context: Expression.Context,
    _ order: (Int) -> Int
  ) throws -> [Int] {
    var rows = (0..<table.rowCount).map(order)
    if !statement.condition.isEmpty {
      let condition = try Condition(statement.condition, context)
      rows = try rows.filter { try condition.holds(table.row($0)) }
    }
    return statement.rowCountMax.map { Array(rows.prefix($0)) } ?? rows
  }

  /// Rows with their number in an order, as boundaries of ranges are asked for.
  private func numberedRows(
    of table: FixtureTable, _ keys: [KeyColumn], _ numberName: String, _ statement: SelectStatement
  ) throws -> ResultSet {
    let number = Column(
      id: 0, name: numberName, type: ColumnType(.bigint), isNullable: false)
    let context = Expression.Context(columns: table.table.storedColumns + [number])
    let expressions = try statement.items.map { try Expression($0.expression, context) }
    let columns = zip(statement.items, expressions).map { $1.column.named($0.alias) }
    let order = try order(of: table, by: keys)
    let condition = try Condition(statement.condition, context)
    let rows = try (0..<table.rowCount).compactMap { index -> [FixtureValue]? in
      let row = table.row(order(index)) + [.integer(Int64(index + 1))]
      return try condition.holds(row) ? try expressions.map { try $0.value(row) } : nil
    }
    return ResultSet(columns, form: form, rows: rows)
  }

  /// The row that comes as number n. Descriptions have their rows in the order of the clustered key;
  /// without ORDER BY nothing is promised, and they come backwards.
  private func order(
    of table: FixtureTable, by columns: [KeyColumn]
  ) throws -> @Sendable (Int) -> Int {
    let count = table.rowCount
    guard !columns.isEmpty else { return { count - 1 - $0 } }
    let clustered =
      ([table.table.primaryKey].compactMap(\.self) + table.table.uniqueConstraints)
      .first(where: \.isClustered)?.columns
      ?? table.table.indexes.first { $0.kind == .clustered }?.columns
    if let clustered, Array(columns.prefix(clustered.count)) == clustered { return { $0 } }
    let sorted = try sortedRows(of: table, by: columns)
    return { sorted[$0] }
  }

  /// Numbers of the rows, sorted by columns of whole numbers.
  private func sortedRows(of table: FixtureTable, by columns: [KeyColumn]) throws -> [Int] {
    let keys = try (0..<table.rowCount).map { number in
      let row = table.row(number)
      return try columns.map { key -> Int64 in
        guard
          let index = table.table.storedColumns.firstIndex(where: { $0.name == key.name }),
          case .integer(let value) = row[index]
        else { throw ServerMessage(50_003, "the fixture does not sort by \(key.name)") }
        return key.isDescending ? -value : value
      }
    }
    return keys.indices.sorted { keys[$0].lexicographicallyPrecedes(keys[$1]) }
  }
}

// MARK: - Catalog

extension DatabaseAnswers {
  typealias Row = [String: FixtureValue]

  /// The columns that a query names, of rows that may have more.
  private func catalogResult(_ rows: [Row], _ statement: SelectStatement) throws -> ResultSet {
    for item in statement.items where item.constant == nil {
      guard rows.first.map({ $0[item.alias] != nil }) ?? true else {
        throw ServerMessage(207, "Invalid column name '\(item.alias)'.")
      }
    }
    let cells = rows.map { row in
      statement.items.map { item in
        item.constant.map { .integer(Int64($0)) } ?? row[item.alias] ?? .null
      }
    }
    let columns = statement.items.indices.map { index in
      let values = cells.map { $0[index] }
      return ResultColumn(statement.items[index].alias, Self.type(of: values))
    }
    return ResultSet(columns, form: form, rows: cells)
  }

  /// The narrowest type of catalog views that holds the values.
  private static func type(of values: [FixtureValue]) -> String {
    var type = "int"
    for value in values {
      switch value {
      case .integer(let number) where Int32(exactly: number) == nil: type = "bigint"
      case .text(let text):
        type = text.utf16.count > 4000 ? "nvarchar(max)" : type == "int" ? "nvarchar(4000)" : type
      default: break
      }
    }
    return type
  }
}

extension ResultColumn {
  fileprivate func named(_ name: String) -> ResultColumn {
    var column = self
    column.name = name
    return column
  }
}

extension SelectStatement {
  fileprivate func innerRowNumber() throws -> (order: [KeyColumn], name: String)? {
    try source.isEmpty ? nil : inner().rowNumber()
  }
}
