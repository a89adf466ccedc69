// A described database as a server: the questions of its client are read, not known by heart.

public import BackupFixtures
import Catalog

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
  public var form = ResultSet.Form()

  public init(_ database: FixtureDatabase) {
    self.database = database
  }

  /// Starts a server that gives these answers.
  public func serve(
    encryption: ServerEncryption = .unavailable, faults: FaultPlan = FaultPlan()
  ) throws -> TDSServer {
    let configuration = TDSServer.Configuration(
      databases: [database.catalog.name], encryption: encryption)
    return try TDSServer(configuration, faults: faults, answer: response)
  }

  public func response(_ batch: Batch) throws -> Response {
    var response = Response([])
    var rowCount = 0
    for statement in try SelectStatement.statements(in: batch.text) {
      var before = Expression.Context(rowCountBefore: rowCount)
      // A DONE with its error bit set is no whim of DONE: the session knows of the error, too.
      if batch.fault == .doneWithError { before.errorBefore = 8134 }
      let result = try self.result(of: statement, named: batch.name, before)
      rowCount = result.rowCount
      response.parts.append(.rows(result))
    }
    return response
  }

  private func result(
    of statement: SelectStatement, named name: String, _ before: Expression.Context
  ) throws -> ResultSet {
    if let table = statement.table, table.schema != "sys" {
      return try rows(of: table, statement)
    }
    if let rows = catalogRows(name) { return try catalogResult(rows, statement) }
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
      throw ServerMessage(50_003, "the fixture reads whole tables only")
    }
    let context = Expression.Context(
      columns: table.table.storedColumns, rowCount: table.rowCount)
    let expressions = try statement.items.map { try Expression($0.expression, context) }
    let columns = zip(statement.items, expressions).map { $1.column.named($0.alias) }
    let isCount = expressions.allSatisfy { if case .constant = $0 { true } else { false } }
    if isCount {
      return ResultSet(columns, form: form, rows: [try expressions.map { try $0.value([]) }])
    }
    let order = try order(of: table, by: statement.orderBy)
    return ResultSet(columns, form: form, rowCount: table.rowCount) { number in
      let row = table.row(order(number))
      do {
        return try expressions.map { try $0.value(row) }
      } catch {
        preconditionFailure("\(name): \(error)")
      }
    }
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
