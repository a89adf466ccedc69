import Catalog
import Staging
import Testing

@testable import ServerSource

@Suite("ranges of keys")
struct KeyRangeTests {
  private func table(_ columns: [(name: String, type: String)], descending: String? = nil) throws
    -> Table
  {
    var table = Table(
      name: ObjectName("dbo", "T]"),
      columns: try columns.enumerated().map { index, column in
        var made = Column(
          id: index + 1, name: column.name, type: try #require(ColumnType(column.type)),
          isNullable: false)
        if made.type.isText {
          made.collation = Collation(
            name: "Turkish_CI_AS", codePage: 1254, isCaseSensitive: false, isAccentSensitive: true,
            isBinary: false)
        }
        return made
      })
    table.primaryKey = Key(
      name: "PK", isClustered: true,
      columns: columns.map { KeyColumn($0.name, isDescending: $0.name == descending) })
    return table
  }

  private func condition(
    _ columns: [(name: String, type: String)], _ from: [String]?, _ to: [String]?,
    _ form: TextForm = .stored, descending: String? = nil
  ) throws -> String {
    try KeyRanges(of: try table(columns, descending: descending), form)
      .condition(RowRange(number: 2, from: from, to: to))
  }

  @Test("boundaries are asked for in the order of the key, as text or bytes")
  func boundaries() throws {
    let ranges = try KeyRanges(
      of: try table([("a", "int"), ("b", "varchar(10)"), ("c", "datetime")], descending: "c"),
      .stored)
    #expect(
      ranges.boundaries(rowCount: 1000, isSampled: false).text == """
        -- restage: boundaries dbo.T%5D
        SELECT
          CAST(k.[a] AS varchar(60)) AS key_1,
          CAST(CAST(k.[b] AS nvarchar(4000)) AS varbinary(8000)) AS key_2,
          CONVERT(varchar(40), k.[c], 126) AS key_3
        FROM (
          SELECT
            t.[a],
            t.[b],
            t.[c],
            ROW_NUMBER() OVER (ORDER BY t.[a], t.[b], t.[c] DESC) AS restage_number
          FROM [dbo].[T]]] AS t
        ) AS k
        WHERE k.restage_number > 1
          AND (k.restage_number - 1) % 1000 = 0
        ORDER BY k.restage_number
        """)
    let sampled = ranges.boundaries(rowCount: 250_000, isSampled: true).text
    #expect(sampled.contains("FROM [dbo].[T]]] AS t TABLESAMPLE SYSTEM (1 PERCENT)\n"))
    #expect(sampled.contains("(k.restage_number - 1) % 2500 = 0"))
  }

  private func ends(_ rowCount: Int64, _ lowest: Int64?, _ highest: Int64?) -> ResultRecord {
    var rows = ResultRows(columns: ["row_count", "lowest", "highest"])
    rows.rows = [[rowCount, lowest, highest].map { $0.map { .integer($0) } ?? .null }]
    return rows.records[0]
  }

  @Test("a key of whole numbers that lie close is divided evenly, without reading its index")
  func evenBoundaries() throws {
    let ranges = try KeyRanges(of: try table([("a", "int")]), .stored)
    #expect(
      ranges.ends()?.text == """
        -- restage: ends dbo.T%5D
        SELECT
          COUNT_BIG(*) AS row_count,
          MIN(t.[a]) AS lowest,
          MAX(t.[a]) AS highest
        FROM [dbo].[T]]] AS t
        """)
    let ofBabelfish = try KeyRanges(of: try table([("a", "int")]), .utf8)
    #expect(
      ofBabelfish.ends(counting: false)?.text == """
        -- restage: ends dbo.T%5D
        SELECT
          MIN([a]) AS lowest,
          MAX([a]) AS highest
        FROM [dbo].[T]]]
        """)
    #expect(
      ranges.boundaries(rowCount: 1000, rangeCount: 4, between: ends(1000, -10, 1190))
        == [["290"], ["590"], ["890"]])
    #expect(ranges.boundaries(rowCount: 9, rangeCount: 1, between: ends(9, 1, 9)) == [])
    let descending = try KeyRanges(of: try table([("a", "bigint")], descending: "a"), .stored)
    #expect(
      descending.boundaries(rowCount: 4, rangeCount: 2, between: ends(4, 1, 4)) == [["2"]])
  }

  @Test("numbers that lie far apart, come twice or are none are asked for one by one")
  func unevenBoundaries() throws {
    let ranges = try KeyRanges(of: try table([("a", "bigint")]), .stored)
    for (rowCount, lowest, highest) in [
      (1000, 1, 2001), (1000, 1, 999), (1000, .min, .max), (1000, nil, nil), (1000, 5, 1),
    ] as [(Int64, Int64?, Int64?)] {
      let boundaries = ranges.boundaries(
        rowCount: 1000, rangeCount: 4, between: ends(rowCount, lowest, highest))
      #expect(boundaries == nil, "\(lowest ?? 0), \(highest ?? 0)")
    }
    #expect(try KeyRanges(of: try table([("a", "decimal(9,0)")]), .stored).ends() == nil)
    #expect(try KeyRanges(of: try table([("a", "int"), ("b", "int")]), .stored).ends() == nil)
  }

  @Test("a range is half-open, the first and the last have one end")
  func single() throws {
    #expect(
      try condition([("a", "int")], ["-5"], ["7"]) == """
        WHERE t.[a] >= CAST('-5' AS int)
          AND t.[a] < CAST('7' AS int)
        """)
    #expect(try condition([("a", "int")], nil, ["7"]) == "WHERE t.[a] < CAST('7' AS int)")
    #expect(try condition([("a", "int")], ["7"], nil) == "WHERE t.[a] >= CAST('7' AS int)")
    #expect(
      try condition([("a", "bigint")], ["7"], nil, descending: "a")
        == "WHERE t.[a] <= CAST('7' AS bigint)")
    #expect(
      try condition([("a", "bigint")], nil, ["7"], descending: "a")
        == "WHERE t.[a] > CAST('7' AS bigint)")
  }

  @Test("Babelfish is given a whole number as it is, which it reads sooner than a CAST")
  func literals() throws {
    #expect(
      try condition([("a", "int")], ["-5"], ["7"], .utf8) == """
        WHERE [a] >= -5
          AND [a] < 7
        """)
    #expect(
      try condition([("a", "decimal(5,0)")], ["7"], nil, .utf8)
        == "WHERE [a] >= CAST('7' AS decimal(5,0))")
    #expect(throws: Fault.self) { try condition([("a", "int")], ["7; --"], nil, .utf8) }
  }

  @Test("columns compare one after the other")
  func composite() throws {
    let columns = [("a", "int"), ("b", "decimal(9,2)"), ("c", "uniqueidentifier")]
    let id = "0E984725-C51C-4BF4-9960-E1C80E27ABA0"
    #expect(
      try condition(columns, nil, ["1", "2.50", id]) == """
        WHERE t.[a] <= CAST('1' AS int) AND (t.[a] < CAST('1' AS int) OR \
        (t.[b] <= CAST('2.50' AS decimal(9,2)) AND (t.[b] < CAST('2.50' AS decimal(9,2)) OR \
        (t.[c] < CAST('\(id)' AS uniqueidentifier)))))
        """)
    #expect(
      try condition(columns, ["1", "2.50", id], nil).contains(
        "(t.[c] >= CAST('\(id)' AS uniqueidentifier))"))
  }

  @Test("text comes back as what it was, under the column's collation")
  func text() throws {
    #expect(
      try condition([("a", "nvarchar(40)")], ["3DD800DE"], nil)
        == "WHERE t.[a] >= CAST(CAST(0x3DD800DE AS nvarchar(4000)) AS nvarchar(40))")
    #expect(
      try condition([("a", "char(4)")], ["3101"], nil) == """
        WHERE t.[a] >= CAST(CAST(0x3101 AS nvarchar(4000)) COLLATE Turkish_CI_AS AS char(4))
        """)
    #expect(
      try condition([("a", "varchar(9)")], ["O'Neil; --\n"], nil, .unicode)
        == "WHERE t.[a] >= CAST(N'O''Neil; --\n' AS varchar(9))")
    #expect(
      try condition([("a", "binary(2)")], ["00FF"], nil)
        == "WHERE t.[a] >= CAST(0x00FF AS binary(2))"
    )
  }

  @Test("a range that is none of the table is refused, whoever wrote it")
  func refused() throws {
    for (type, value) in [
      ("int", "1); DROP TABLE t; --"), ("int", ""), ("datetime", "x'"), ("nvarchar(9)", "3"),
      ("nvarchar(9)", "0g"), ("binary(2)", "'"), ("uniqueidentifier", "a b"),
    ] {
      #expect(throws: Fault.self, "\(value)") { try condition([("a", type)], [value], nil) }
    }
    #expect(throws: Fault.self) { try condition([("a", "nvarchar(9)")], ["\0"], nil, .unicode) }
    #expect(throws: Fault.self) { try condition([("a", "int")], ["1", "2"], nil) }
    #expect(throws: Fault.self) { try condition([("a", "int"), ("b", "int")], ["1"], nil) }
  }

  @Test("a key that can be NULL, or of a type without literals, has no ranges")
  func none() throws {
    for type in ["float", "sql_variant", "hierarchyid", "bit", "time(7)", "datetimeoffset(7)"] {
      #expect(throws: Fault.self, "\(type)") {
        try KeyRanges(of: try table([("a", "int"), ("b", type)]), .stored)
      }
    }
    var nullable = try table([("a", "int")])
    nullable.columns[0].isNullable = true
    #expect(throws: Fault.self) { try KeyRanges(of: nullable, .stored) }
    var heap = try table([("a", "int")])
    heap.primaryKey = nil
    #expect(throws: Fault.self) { try KeyRanges(of: heap, .stored) }
    var unknown = try table([("a", "varchar(9)")])
    unknown.columns[0].collation = nil
    #expect(throws: Fault.self) { try KeyRanges(of: unknown, .stored) }
  }

  @Test("rates are numbers with a unit")
  func rates() {
    #expect(Rate("20MB")?.count == 20_000_000 && Rate("20MB")?.unit == .bytes)
    #expect(Rate("500 kB")?.count == 500_000 && Rate("2GiB")?.count == 2 << 30)
    #expect(Rate("50000rows")?.count == 50_000 && Rate("1rows")?.unit == .rows)
    for text in ["", "20", "MB", "0MB", "-1MB", "1.5MB", "20mb", "20MB/s", "99999999999GB", "٣MB"] {
      #expect(Rate(text) == nil, "\(text)")
    }
  }
}
