import Catalog
import TestSupport
import Testing
import Translation

/// A T-SQL default, what it becomes, and what PostgreSQL makes of it.
struct DefaultCase: Sendable, CustomTestStringConvertible {
  let source: String
  let type: String
  /// Nil where the default is reported instead.
  let target: String?
  /// The value of a new row as text; nil where the clock or chance decides.
  let value: String?

  init(_ source: String, _ type: String, _ target: String?, _ value: String? = nil) {
    self.source = source
    self.type = type
    self.target = target
    self.value = value
  }

  var testDescription: String { "\(type) DEFAULT \(source)" }

  func mapped() throws -> MappedDatabase {
    let source = describe(
      [table("dbo.T", [column("X", "int"), column("Value", type + " null", default: source)])],
      sequences: [sequence("dbo.Numbers", "int", current: 41, 1...1000)])
    return try Translator.map(source, by: Mapping())
  }
}

@Suite("defaults")
struct DefaultTests {
  @Test("a default becomes PostgreSQL, or a report with its text", arguments: DefaultCase.all)
  func translated(example: DefaultCase) throws {
    let mapped = try example.mapped()
    #expect(mapped.tables[0].columns[1].defaultExpression == example.target)
    let reports = mapped.unsupported.filter { $0.kind == "default" }
    if example.target == nil, example.source != "(NULL)", example.source != "(null)" {
      #expect(reports.map(\.sourceText) == [example.source])
    }
  }

  @Test("PostgreSQL gives a new row the value that SQL Server would")
  func evaluated() throws {
    let postgres = try TestPostgres()
    var script = "SET TimeZone = 'UTC'; SET application_name = 'restage';\n"
    var expected: [String] = []
    for example in DefaultCase.all where example.target != nil {
      let mapped = try example.mapped()
      let ddl = DDL.files(for: mapped).filter { $0.path.contains("10_") || $0.path.contains("20_") }
      script += ddl.flatMap(\.statements).map(\.sql).joined(separator: "\n")
      script += """

        INSERT INTO public.t (x) VALUES (1);
        SELECT coalesce(value::text, 'NULL') FROM public.t;
        DROP TABLE public.t;
        DROP SEQUENCE IF EXISTS public.numbers;

        """
      expected.append(example.value ?? "")
    }
    let values = try postgres.psql(script).split(separator: "\n", omittingEmptySubsequences: false)
    try #require(values.count == expected.count)
    let examples = DefaultCase.all.filter { $0.target != nil }
    for (index, value) in values.enumerated() where examples[index].value != nil {
      #expect(value == expected[index], "\(examples[index].testDescription)")
    }
  }

  @Test("no text stops the translation", arguments: [1, 2, 3, 4, 5])
  func anyText(round: Int) throws {
    var random = SeededRandom.fromEnvironment()
    let pieces =
      DefaultCase.all.map(\.source) + [
        "(", ")", "'", "N'", "[", "]", "0x", "1e", "-", "--", "/*", "*/", "@@", "$", ",", ".",
        "convert(", "cast(", " as int)", "99999999999999999999", "dateadd(", "year", "\0", "'\0'",
        "isnull(app_name(),", "é", "\"", "not",
        "and",
      ]
    for _ in 0..<random.caseCount * 5 {
      let count = Int.random(in: 1...8, using: &random)
      let text = (0..<count).map { _ in
        let piece = pieces.randomElement(using: &random) ?? ""
        let cut = Int.random(in: 0...piece.count, using: &random)
        return Bool.random(using: &random) ? piece : String(piece.prefix(cut))
      }.joined()
      let types = [
        "int", "datetime", "nvarchar(5)", "uniqueidentifier", "varbinary(3)", "money", "bit",
      ]
      let type = types.randomElement(using: &random) ?? "int"
      let mapped = try DefaultCase(text, type, nil).mapped()
      #expect(mapped.tables.count == 1, "seed \(random.seed): \(text)")
    }
  }

  @Test("nesting and length are bounded")
  func bounded() throws {
    for text in [
      String(repeating: "(", count: 100_000), String(repeating: "-", count: 100_000) + "1",
      "1" + String(repeating: "+1", count: 100_000), String(repeating: "not ", count: 100_000),
      String(repeating: "isnull(", count: 1000),
    ] {
      let mapped = try DefaultCase(text, "int", nil).mapped()
      #expect(mapped.unsupported.filter { $0.kind == "default" }.count == 1)
    }
  }
}

extension DefaultCase {
  static let all: [DefaultCase] = numbers + texts + times + functions + refused

  private static let numbers = [
    DefaultCase("((0))", "int", "0", "0"), DefaultCase("(0)", "int", "0", "0"),
    DefaultCase("(-(1))", "int", "-1", "-1"), DefaultCase("((-1))", "smallint", "-1", "-1"),
    DefaultCase("((1.5))", "decimal(5,2)", "1.5", "1.50"),
    DefaultCase("((1.5))", "int", "1", "1"), DefaultCase("((-1.9))", "int", "-1", "-1"),
    DefaultCase("($1.5)", "int", "2", "2"), DefaultCase("($12.34)", "money", "12.34", "12.3400"),
    DefaultCase("((1e0))", "float", "1e0", "1"), DefaultCase("((2.5e1))", "int", "25", "25"),
    DefaultCase("('')", "int", "0", "0"), DefaultCase("(' 7 ')", "int", "7", "7"),
    DefaultCase("('1.25')", "decimal(9,1)", "1.3", "1.3"),
    DefaultCase("((0.00))", "money", "0.00", "0.0000"), DefaultCase("('')", "money", "0", "0.0000"),
    DefaultCase("((60)*(24))", "int", "1440", "1440"), DefaultCase("((7)/(2))", "int", "3", "3"),
    DefaultCase("((007))", "int", "7", "7"), DefaultCase("((255))", "tinyint", "255", "255"),
    DefaultCase("((9223372036854775807))", "bigint", "9223372036854775807", "9223372036854775807"),
    DefaultCase("(CONVERT([int],'12'))", "int", "12", "12"),
    DefaultCase("(CONVERT([bit],(0),0))", "bit", "false", "false"),
    DefaultCase("(CONVERT([decimal](18,2),(0.005)))", "decimal(18,2)", "0.01", "0.01"),
    DefaultCase("((1))", "bit", "true", "true"), DefaultCase("((0))", "bit", "false", "false"),
    DefaultCase("('True')", "bit", "true", "true"), DefaultCase("((2))", "bit", "true", "true"),
    DefaultCase("('0')", "bit", "false", "false"), DefaultCase("(NULL)", "int", nil),
    DefaultCase("(null)", "nvarchar(5)", nil), DefaultCase("((.5))", "real", "0.5", "0.5"),
    DefaultCase("CREATE DEFAULT [dbo].[Zero] AS 0", "int", "0", "0"),
    DefaultCase("create default D as /* why */ 'x' -- so", "varchar(5)", "'x'", "x"),
  ]

  private static let texts = [
    DefaultCase("(N'abc')", "nvarchar(10)", "'abc'", "abc"),
    DefaultCase("('it''s')", "varchar(10)", "'it''s'", "it's"),
    DefaultCase("('')", "varchar(10)", "''", ""), DefaultCase("((0))", "varchar(10)", "'0'", "0"),
    DefaultCase("((1.50))", "varchar(10)", "'1.50'", "1.50"),
    DefaultCase("(N'日本')", "nchar(4)", "'日本'", "日本"),
    DefaultCase("('a'+'b')", "varchar(10)", "'ab'", "ab"),
    DefaultCase(#"('a\b')"#, "varchar(10)", #"E'a\\b'"#, #"a\b"#),
    DefaultCase("('getdate()')", "varchar(10)", "'getdate()'", "getdate()"),
    DefaultCase("(CONVERT([varchar](2),'abc'))", "varchar(10)", "'ab'", "ab"),
    DefaultCase("(0x)", "varbinary(8)", #"E'\\x'::bytea"#, #"\x"#),
    DefaultCase("(0x0)", "varbinary(8)", #"E'\\x00'::bytea"#, #"\x00"#),
    DefaultCase("(0xAb12)", "binary(4)", #"E'\\xab120000'::bytea"#, #"\xab120000"#),
    DefaultCase(
      "('00000000-0000-0000-0000-000000000000')", "uniqueidentifier",
      "'00000000-0000-0000-0000-000000000000'::uuid", "00000000-0000-0000-0000-000000000000"),
    DefaultCase(
      "(N'{ABCDEF01-0000-0000-0000-00000000000A}')", "uniqueidentifier",
      "'abcdef01-0000-0000-0000-00000000000a'::uuid", "abcdef01-0000-0000-0000-00000000000a"),
    DefaultCase("(N'<a/>')", "xml", "'<a/>'", "<a/>"),
    DefaultCase("('x')", "sql_variant", "'x'", "x"),
  ]

  private static let times = [
    DefaultCase("((0))", "datetime", "timestamp '1900-01-01'", "1900-01-01 00:00:00"),
    DefaultCase("('')", "datetime", "timestamp '1900-01-01'", "1900-01-01 00:00:00"),
    DefaultCase("((-1))", "datetime", "timestamp '1899-12-31'", "1899-12-31 00:00:00"),
    DefaultCase("((36524))", "smalldatetime", "timestamp '2000-01-01'", "2000-01-01 00:00:00"),
    DefaultCase("('19991231')", "date", "date '1999-12-31'", "1999-12-31"),
    DefaultCase("('1900-01-01')", "datetime", "timestamp '1900-01-01'", "1900-01-01 00:00:00"),
    DefaultCase("('2010-05-06')", "datetime2(7)", "timestamp '2010-05-06'", "2010-05-06 00:00:00"),
    DefaultCase(
      "('9999-12-31 23:59:59.997')", "datetime", "timestamp '9999-12-31 23:59:59.997'",
      "9999-12-31 23:59:59.997"),
    DefaultCase(
      "('2001-02-13T04:05:06')", "datetime", "timestamp '2001-02-13 04:05:06'",
      "2001-02-13 04:05:06"),
    DefaultCase("('12/31/9999')", "datetime", "timestamp '9999-12-31'", "9999-12-31 00:00:00"),
    DefaultCase(
      "(CONVERT([datetime],'31/12/2009',103))", "datetime", "timestamp '2009-12-31'",
      "2009-12-31 00:00:00"),
    DefaultCase(
      "(CONVERT([datetime],'05/06/2009',101))", "datetime", "timestamp '2009-05-06'",
      "2009-05-06 00:00:00"),
    DefaultCase(
      "(CONVERT([datetime],'2010-05-06 07:08:09.010',(121)))", "datetime",
      "timestamp '2010-05-06 07:08:09.01'", "2010-05-06 07:08:09.01"),
    DefaultCase(
      "('2020-01-02 23:59:59.9999999')", "datetime2(0)", "timestamp '2020-01-03'",
      "2020-01-03 00:00:00"),
    DefaultCase(
      "('0001-01-01 00:00:00.1234567')", "datetime2(7)", "timestamp '0001-01-01 00:00:00.123456'",
      "0001-01-01 00:00:00.123456"),
    DefaultCase("('08:30')", "time(0)", "time '08:30:00'", "08:30:00"),
    DefaultCase("('12:15 AM')", "time(3)", "time '00:15:00'", "00:15:00"),
    DefaultCase(
      "('2000-01-01 12:00:00 +02:00')", "datetimeoffset(0)",
      "timestamptz '2000-01-01 12:00:00+02:00'", "2000-01-01 10:00:00+00"),
    DefaultCase("(getdate())", "datetime", "localtimestamp"),
    DefaultCase("(GETDATE())", "date", "current_date"),
    DefaultCase("(getdate())", "time(7)", "localtime"),
    DefaultCase("(sysdatetime())", "datetime2(7)", "localtimestamp"),
    DefaultCase("(CURRENT_TIMESTAMP)", "smalldatetime", "localtimestamp"),
    DefaultCase("(getutcdate())", "datetime", "(now() AT TIME ZONE 'utc')"),
    DefaultCase("(sysutcdatetime())", "datetimeoffset(7)", "now()"),
    DefaultCase("(getutcdate())", "date", "(now() AT TIME ZONE 'utc')::date"),
    DefaultCase("(sysdatetimeoffset())", "datetimeoffset(7)", "now()"),
    DefaultCase("(sysdatetimeoffset())", "datetime2(7)", "localtimestamp"),
    DefaultCase("(CONVERT([date],getdate()))", "date", "current_date"),
    DefaultCase("(CONVERT([date],getdate()))", "datetime", "current_date::timestamp"),
    DefaultCase(
      "(dateadd(day,datediff(day,(0),getdate()),(0)))", "datetime",
      "date_trunc('day', localtimestamp)"),
    DefaultCase(
      "(DATEADD(mm,DATEDIFF(mm,0,getdate()),0))", "datetime", "date_trunc('month', localtimestamp)"),
    DefaultCase(
      "(dateadd(year,(1),getdate()))", "datetime", "(localtimestamp + interval '1 years')"),
    DefaultCase(
      "(dateadd(day,-(7),getdate()))", "date", "(localtimestamp + interval '-7 days')::date"),
    DefaultCase("(getdate()+(30))", "datetime", "(localtimestamp + interval '30 days')"),
    DefaultCase("(datepart(year,getdate()))", "int", "extract(year FROM localtimestamp)::integer"),
    DefaultCase("(year(getdate()))", "smallint", "extract(year FROM localtimestamp)::integer"),
    DefaultCase(
      "(datediff(day,'20000101','20000301'))", "int",
      "((timestamp '2000-03-01')::date - (timestamp '2000-01-01')::date)", "60"),
    DefaultCase(
      "(dateadd(month,(1),'20000131'))", "datetime",
      "((timestamp '2000-01-31') + interval '1 months')", "2000-02-29 00:00:00"),
    DefaultCase(
      "(CONVERT([varchar](10),getdate(),(120)))", "varchar(10)",
      "left(to_char(localtimestamp, 'YYYY-MM-DD HH24:MI:SS'), 10)"),
    DefaultCase(
      "(CONVERT([char](8),getdate(),(112)))", "char(8)", "to_char(localtimestamp, 'YYYYMMDD')"),
    DefaultCase(
      "(datediff(second,'19700101',getutcdate()))", "int",
      "extract(epoch FROM date_trunc('second', (now() AT TIME ZONE 'utc')) - date_trunc('second', (timestamp '1970-01-01')))::integer"
    ),
  ]

  private static let functions = [
    DefaultCase("(newid())", "uniqueidentifier", "gen_random_uuid()"),
    DefaultCase("(newsequentialid())", "uniqueidentifier", "gen_random_uuid()"),
    DefaultCase("(newid())", "varchar(36)", "upper(gen_random_uuid()::text)"),
    DefaultCase(
      "(CONVERT([varchar](36),newid()))", "nvarchar(50)", "upper(gen_random_uuid()::text)"),
    DefaultCase(
      "(replace(newid(),'-',''))", "varchar(32)",
      "replace(upper(gen_random_uuid()::text), '-', '')"),
    DefaultCase("(left(newid(),(8)))", "char(8)", "left(upper(gen_random_uuid()::text), 8)"),
    DefaultCase("(suser_sname())", "nvarchar(128)", "session_user"),
    DefaultCase("(original_login())", "nvarchar(128)", "session_user"),
    DefaultCase("(user_name())", "nvarchar(128)", "current_user"),
    DefaultCase("(user)", "nvarchar(128)", "current_user"),
    DefaultCase("(host_name())", "nvarchar(128)", "host(inet_client_addr())"),
    DefaultCase("(app_name())", "nvarchar(128)", "current_setting('application_name')", "restage"),
    DefaultCase(
      "(isnull(app_name(),'none'))", "nvarchar(128)",
      "coalesce(current_setting('application_name'), 'none')", "restage"),
    DefaultCase(
      "(lower(app_name())+'-x')", "nvarchar(128)",
      "(lower(current_setting('application_name')) || '-x')", "restage-x"),
    DefaultCase("(db_name())", "nvarchar(128)", "current_database()"),
    DefaultCase("(@@spid)", "int", "pg_backend_pid()"),
    DefaultCase("(rand())", "float", "random()"),
    DefaultCase("(NEXT VALUE FOR [dbo].[Numbers])", "int", "nextval('public.numbers')", "42"),
    DefaultCase("(next value for Numbers)", "decimal(9,0)", "nextval('public.numbers')", "42"),
  ]

  private static let refused =
    [
      "([dbo].[NextNumber]())", "(@@servername)", "(object_name(1))", "(case when 1=1 then 1 end)",
      "(CONVERT([dbo].[Money2],(1)))", "((1)+)", "", "(", "('x", "((3000000000))", "('abc')",
      "(1=1)",
      "([OtherColumn])", "(0x01)", "((1.5)*(2))", "((1)/(0))", "(abs(checksum(newid())))",
      "(getdate())", "(NEXT VALUE FOR [dbo].[Missing])", "(1 2)", "({fn now()})",
      "((9223372036854775807)+(1))",
    ].map { DefaultCase($0, "int", nil) } + [
      DefaultCase("('2010-05-06')", "datetime", nil), DefaultCase("('5/6/2010')", "datetime", nil),
      DefaultCase("('2010-13-13')", "date", nil), DefaultCase("('2010-02-30')", "date", nil),
      DefaultCase("('1600-01-01')", "datetime", nil), DefaultCase("('25:00')", "time(0)", nil),
      DefaultCase("('a\0')", "varchar(3)", nil),
      DefaultCase("(app_name()+'\0')", "varchar(9)", nil),
      DefaultCase("('toolong')", "varchar(3)", nil), DefaultCase("(0x010203)", "binary(2)", nil),
      DefaultCase("('not-a-guid')", "uniqueidentifier", nil),
      DefaultCase("((5))", "uniqueidentifier", nil),
      DefaultCase("((1e0))", "varchar(10)", nil), DefaultCase("(getdate())", "varchar(30)", nil),
      DefaultCase("('/1/')", "hierarchyid", nil), DefaultCase("((12345.6))", "decimal(5,1)", nil),
      DefaultCase("(datename(month,getdate()))", "varchar(20)", nil),
      DefaultCase("((256))", "tinyint", nil), DefaultCase("((0))", "date", nil),
      DefaultCase("(datepart(weekday,getdate()))", "int", nil),
      DefaultCase("(CONVERT([datetime],'2009-01-01',101))", "datetime", nil),
    ]
}
