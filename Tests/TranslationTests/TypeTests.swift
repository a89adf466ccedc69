import Catalog
import TestSupport
import Testing
import Translation

@Suite("types")
struct TypeTests {
  /// Cells as a snapshot holds them, the extremes of each type among them.
  private static let cells: [(source: String, cells: [String])] = [
    ("bit", ["t", "f"]), ("tinyint", ["0", "255"]), ("smallint", ["-32768", "32767"]),
    ("int", ["-2147483648", "2147483647"]),
    ("bigint", ["-9223372036854775808", "9223372036854775807"]),
    ("decimal(4,0)", ["-9999", "0"]), ("decimal(9,0)", ["999999999"]),
    ("decimal(18,0)", ["-999999999999999999"]),
    ("decimal(38,0)", [String(repeating: "9", count: 38)]),
    ("decimal(10,2)", ["99999999.99", "-0.01", "0.00"]), ("money", ["-922337203685477.5808"]),
    ("smallmoney", ["214748.3647"]), ("float", ["1.7976931348623157e+308", "0.1", "100000"]),
    ("real", ["3.4028235e+38", "1e+06", "0.1"]), ("date", ["0001-01-01", "9999-12-31"]),
    ("time(0)", ["23:59:59"]), ("time(7)", ["23:59:59.999999", "00:00:00"]),
    ("smalldatetime", ["2079-06-06 23:59:00"]),
    ("datetime", ["1753-01-01 00:00:00", "9999-12-31 23:59:59.997"]),
    ("datetime2(7)", ["0001-01-01 00:00:00.000001"]),
    ("datetimeoffset(3)", ["2000-01-01 00:00:00.12+00"]),
    ("char(3)", ["ab ", "   "]), ("nchar(2)", ["é "]), ("varchar(5)", ["abcde", "a  "]),
    ("nvarchar(max)", ["{\"a\": 1}", "[ ]"]), ("ntext", ["\"x\""]), ("varbinary(3)", ["\\\\x00ff"]),
    ("uniqueidentifier", ["00000000-0000-0000-0000-00000000000a"]), ("xml", ["<a b=\"1\"> </a>"]),
    ("json", ["{\"b\":1, \"a\":2}"]), ("sql_variant", ["x"]), ("hierarchyid", ["/1/2/"]),
  ]

  private static let targets = [
    "boolean", "bool", "smallint", "int2", "integer", "int", "int4", "bigint", "numeric",
    "numeric(4)",
    "numeric(10,2)", "numeric(38,2)", "numeric(12, 2)", "decimal(19,4)", "real", "double precision",
    "float8", "date", "time", "time(3)", "timestamp", "timestamp(3)", "timestamp(0)", "timestamptz",
    "timestamp with time zone", "char(3)", "character(5)", "varchar", "varchar(3)", "varchar(5)",
    "character varying(40)", "text", "uuid", "bytea", "xml", "json",
  ]

  @Test("every type that a mapping may choose keeps every cell as it is")
  func cellsSurvive() throws {
    let postgres = try TestPostgres()
    var accepted: Set<String> = []
    var script = "SET TimeZone = 'UTC'; SET extra_float_digits = 1;\n"
    var expected: [String] = []
    for (source, cells) in Self.cells {
      let database = describe([table("dbo.T", [column("Value", source)])])
      for target in Self.targets {
        let yaml = "tables: { dbo.T: { columns: { Value: { type: \"\(target)\" } } } }"
        guard let mapped = try? Translator.map(database, by: Mapping(yaml: yaml)) else { continue }
        accepted.insert("\(source) -> \(target)")
        script += DDL.files(for: mapped)[1].statements[0].sql
        script += "\nCOPY public.t FROM STDIN;\n" + cells.map { $0 + "\n" }.joined()
        script +=
          "\\.\n\\echo \(source), \(target)\nCOPY public.t TO STDOUT;\nDROP TABLE public.t;\n"
        expected += ["\(source), \(target)"] + cells
      }
    }
    let printed = try postgres.psql(script).split(separator: "\n", omittingEmptySubsequences: false)
    #expect(printed.map(String.init) == expected)
    for wanted in [
      "int -> bigint", "int -> text", "tinyint -> int", "decimal(9,0) -> integer", "bit -> text",
      "decimal(10,2) -> numeric(12, 2)", "char(3) -> varchar(5)", "varchar(5) -> text",
      "nvarchar(max) -> json", "datetime -> timestamp", "datetimeoffset(3) -> timestamptz",
    ] {
      #expect(accepted.contains(wanted))
    }
    for refused in [
      "bit -> smallint", "bigint -> integer", "decimal(10,2) -> numeric(10,4)",
      "money -> numeric(10,2)",
      "real -> double precision", "datetime -> timestamp(0)", "datetime -> timestamptz",
      "varchar(5) -> varchar(3)", "char(3) -> character(5)", "date -> timestamp",
      "float -> numeric",
      "decimal(38,0) -> bigint", "xml -> json",
    ] {
      #expect(!accepted.contains(refused))
    }
  }

  @Test(
    "a type that is none is refused",
    arguments: [
      "varchar(0)", "varchar(", "varchar)", "varchar(x)", "numeric(5,6)", "numeric(0)", "int(4)",
      "timestamp(7)", "citext", "text; DROP TABLE x", "varchar(5,5)", "varchar(-1)", "numeric(,)",
      "()",
    ])
  func nonsense(type: String) throws {
    let mapping = try Mapping(
      yaml: "tables: { dbo.T: { columns: { Value: { type: \"\(type)\" } } } }")
    let error = #expect(throws: MappingError.self) {
      _ = try Translator.map(
        describe([table("dbo.T", [column("Value", "nvarchar(5)")])]), by: mapping)
    }
    #expect(error?.code == .unfitType)
  }

  @Test("the report's fences hold whatever the source text is")
  func fences() throws {
    var random = SeededRandom.fromEnvironment()
    let pieces = ["`", "``", "```", "````sql", "\n", "\r\n", "~~~", "SELECT 1", "#", " "]
    for _ in 0..<random.caseCount {
      let text = (0..<10).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
      let database = describe(
        [],
        modules: [Module(kind: .view, name: ObjectName("dbo", "V\n# x"), definition: text + "x")])
      let report = UnsupportedReport.markdown(for: try Translator.map(database, by: Mapping()))
      let lines = report.split(separator: "\n", omittingEmptySubsequences: false)
      let start = try #require(lines.firstIndex { $0.hasPrefix("```") && $0.hasSuffix("`sql") })
      let fence = lines[start].dropLast(3)
      let end = try #require(lines[(start + 1)...].firstIndex { $0.hasPrefix(fence) })
      #expect(end == lines.count - 2, "seed \(random.seed): \(report)")
      #expect(
        lines[(start + 1)..<end].joined(separator: "\n")
          == (text + "x").replacing("\r\n", with: "\n"), "seed \(random.seed)")
    }
  }
}
