public import Catalog

extension Collation {
  /// SQL_Latin1_General_CP1_CI_AS.
  public static let sqlLatin1 = Collation(
    name: "SQL_Latin1_General_CP1_CI_AS", id: 0x3400_D008, codePage: 1252, isCaseSensitive: false,
    isAccentSensitive: true, isBinary: false)
}

extension Column {
  /// A column as `CREATE TABLE` would make it, text with the collation of the fixtures.
  ///
  /// - Parameter type: As T-SQL writes it: "nvarchar(40)".
  public static func fixture(
    _ id: Int, _ name: String, _ type: String, nullable: Bool = true
  ) -> Column {
    guard let parsed = ColumnType(type) else { fatalError("no such type: \(type)") }
    return Column(
      id: id, name: name, type: parsed, isNullable: nullable,
      collation: parsed.isText ? .sqlLatin1 : nil)
  }
}

extension Table {
  /// A table whose columns are numbered from 1 in the order given.
  ///
  /// - Parameter key: Column of the clustered primary key; nil makes a heap.
  public static func fixture(
    _ name: String, schema: String = "dbo", key: String? = nil,
    _ columns: [(name: String, type: String)]
  ) -> Table {
    Table(
      name: ObjectName(schema, name),
      columns: columns.enumerated().map { number, column in
        .fixture(number + 1, column.name, column.type, nullable: column.name != key)
      },
      primaryKey: key.map { Key(name: "PK_\(name)", isClustered: true, columns: [KeyColumn($0)]) })
  }
}
