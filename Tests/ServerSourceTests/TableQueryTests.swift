import Catalog
import Staging
import Testing

@testable import ServerSource

@Suite("the query for a table's rows")
struct TableQueryTests {
  private func column(_ id: Int, _ name: String, _ type: String) throws -> Column {
    Column(id: id, name: name, type: try #require(ColumnType(type)), isNullable: id > 1)
  }

  @Test("text is asked for as varbinary, in the order of the clustered key")
  func plain() throws {
    var table = Table(
      name: ObjectName("dbo", "Odd]name\n--'"),
      columns: [
        try column(1, "id", "int"), try column(2, "a]b", "nvarchar(40)"),
        try column(3, "c", "varchar(max)"), try column(4, "d", "text"), try column(5, "e", "xml"),
        try column(6, "f", "rowversion"), try column(7, "g", "hierarchyid"),
        try column(8, "h", "geography"), try column(9, "i", "char(8)"),
        try column(10, "j", "ntext"), try column(11, "k", "datetime2(7)"),
      ])
    table.primaryKey = Key(
      name: "PK", isClustered: true, columns: [KeyColumn("id", isDescending: true)])
    let query = try TableQuery(table)
    #expect(
      query.select.text == """
        -- restage: rows dbo.Odd%5Dname%0A--%27
        SELECT
          t.[id],
          CAST(t.[a]]b] AS varbinary(80)),
          SUBSTRING(CAST(t.[c] AS varbinary(max)), 1, 67108865),
          SUBSTRING(CAST(CAST(t.[d] AS varchar(max)) AS varbinary(max)), 1, 67108865),
          SUBSTRING(CAST(CAST(t.[e] AS nvarchar(max)) AS varbinary(max)), 1, 67108865),
          CAST(t.[f] AS varbinary(8)),
          CAST(t.[g] AS varbinary(892)),
          SUBSTRING(CAST(t.[h] AS varbinary(max)), 1, 67108865),
          CAST(t.[i] AS varbinary(8)),
          SUBSTRING(CAST(CAST(t.[j] AS nvarchar(max)) AS varbinary(max)), 1, 67108865),
          t.[k]
        FROM [dbo].[Odd]]name
        --'] AS t
        ORDER BY t.[id] DESC;
        SELECT @@ERROR AS error_number, ROWCOUNT_BIG() AS row_count;
        """)
    #expect(query.order == .physical, "a descending key")
  }

  @Test("the source key follows a clustered key that does not tell rows apart")
  func nonUniqueClustered() throws {
    var table = Table(
      name: ObjectName("s", "t"),
      columns: [try column(1, "id", "int"), try column(2, "day", "date")])
    table.primaryKey = Key(name: "PK", isClustered: false, columns: [KeyColumn("id")])
    table.indexes = [
      Index(name: "ix", kind: .clustered, isUnique: false, columns: [KeyColumn("day")])
    ]
    #expect(try TableQuery(table).select.text.contains("ORDER BY t.[day], t.[id];"))
    #expect(try TableQuery(table).order == .key)
  }

  @Test("Babelfish is asked without the table's name before columns, in the order of their places")
  func utf8() throws {
    var table = Table(
      name: ObjectName("s", "t"),
      columns: [
        try column(1, "v", "nvarchar(10)"), try column(2, "convert_to", "int"),
        try column(3, "id", "bigint"),
      ])
    table.primaryKey = Key(
      name: "PK", isClustered: true,
      columns: [KeyColumn("id", isDescending: true), KeyColumn("convert_to")])
    #expect(
      try TableQuery(table, .utf8).select.text == """
        -- restage: rows s.t
        SELECT
          CAST(pg_catalog.convert_to(CAST([v] AS nvarchar(10)), 'UTF8') AS varbinary(40)),
          [convert_to],
          [id]
        FROM [s].[t]
        ORDER BY 3 DESC, 2;
        SELECT @@ERROR AS error_number, ROWCOUNT_BIG() AS row_count;
        """)
    // A column that does not come as it is has no place of its own in the list.
    table.primaryKey?.columns = [KeyColumn("v")]
    #expect(
      try TableQuery(table, .utf8).select.text.contains("FROM [s].[t] AS t\nORDER BY t.[v];"))
  }

  @Test("a table without any key comes as it lies; columns that are not stored do not come")
  func heap() throws {
    var table = Table(
      name: ObjectName("s", "t"),
      columns: [try column(1, "id", "int"), try column(2, "v", "sql_variant")])
    table.columns.append(
      Column(
        id: 3, name: "computed", type: ColumnType(.int), isNullable: true,
        computed: Computed(definition: "([id])", isPersisted: false)))
    let query = try TableQuery(table)
    #expect(query.order == .physical)
    #expect(query.columns.map(\.wireColumn) == [1, 2])
    #expect(query.columns.map(\.expressions.count) == [1, 3])
    #expect(query.select.text.contains("FROM [s].[t] AS t;"))
  }
}
