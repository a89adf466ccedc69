import BackupFixtures
import Foundation
import TDSFixtures
import TestSupport
import Testing

/// A value of a type, and what FreeTDS prints for it.
struct TypeCase: CustomTestStringConvertible, Sendable {
  var type: String
  var value: FixtureValue
  var printed: String

  init(_ type: String, _ value: FixtureValue, _ printed: String) {
    self.type = type
    self.value = value
    self.printed = printed
  }

  var testDescription: String { "\(type) \(printed)" }

  static let all = [
    TypeCase("bit", .bool(true), "1"), TypeCase("bit", .bool(false), "0"),
    TypeCase("tinyint", .integer(255), "255"),
    TypeCase("smallint", .integer(-32768), "-32768"),
    TypeCase("int", .integer(-2_147_483_648), "-2147483648"),
    TypeCase("bigint", .integer(.min), "-9223372036854775808"),
    TypeCase("decimal(9,0)", .decimal(123_456_789), "123456789"),
    TypeCase("decimal(18,4)", .decimal(123_456_789, isNegative: true), "-12345.6789"),
    TypeCase("decimal(28,2)", .decimal(99), "0.99"),
    TypeCase(
      "numeric(38,10)", .decimal(12_345_678_901_234_567_890_123_456_789_012_345_678),
      "1234567890123456789012345678.9012345678"),
    TypeCase("money", .decimal(9_223_372_036_854_775_807), "922337203685477.5807"),
    TypeCase("money", .decimal(12345, isNegative: true), "-1.2345"),
    TypeCase("smallmoney", .decimal(2_147_483_648, isNegative: true), "-214748.3648"),
    TypeCase("float", .double(0.1), "0.10000000000000001"), TypeCase("real", .float(0.25), "0.25"),
    TypeCase("date", .date(days: 0), "Jan  1 1 12:00AM"),
    TypeCase("time(0)", .time(ticks: 863_990_000_000), "Jan  1 1900 11:59PM"),
    TypeCase("time(3)", .time(ticks: 36_001_230_000), "Jan  1 1900 01:00AM"),
    TypeCase(
      "smalldatetime", .timestamp(days: 738_000, ticks: 36_600_000_000), "Jul 30 2021 01:01AM"),
    TypeCase("datetime", .datetime(days: 639_905, ticks300: 25_919_999), "Jan  1 1753 11:59PM"),
    TypeCase("datetime2(0)", .timestamp(days: 738_000, ticks: 600_000_000), "Jul 30 2021 12:01AM"),
    TypeCase(
      "datetime2(7)", .timestamp(days: 3_652_058, ticks: 863_999_999_999), "Dec 31 9999 11:59PM"),
    TypeCase(
      "datetimeoffset(7)", .instant(days: 738_000, ticks: 1, offset: -90), "Jul 29 2021 10:30PM"),
    TypeCase(
      "datetimeoffset(2)", .instant(days: 738_000, ticks: 100_000, offset: 840),
      "Jul 30 2021 02:00PM"),
    TypeCase("char(5)", .text("a€"), "a€   "), TypeCase("varchar(5)", .text(""), ""),
    TypeCase("varchar(8000)", .text("äöü“"), "äöü“"), TypeCase("nchar(4)", .text("日本"), "日本  "),
    TypeCase("nvarchar(4)", .text("𝄞é"), "𝄞é"), TypeCase("nvarchar(4000)", .text(""), ""),
    TypeCase("binary(4)", .bytes([1, 2]), "01020000"),
    TypeCase("varbinary(4)", .bytes([0xFF, 0]), "ff00"),
    TypeCase("rowversion", .bytes([0, 0, 0, 0, 0, 0, 7, 0xD1]), "00000000000007d1"),
    TypeCase("varchar(max)", .text("long €"), "long €"), TypeCase("varchar(max)", .text(""), ""),
    TypeCase("nvarchar(max)", .text("löng 日本"), "löng 日本"),
    TypeCase("varbinary(max)", .bytes(Array(0...20)), "000102030405060708090a0b0c0d0e0f1011121314"),
    TypeCase("text", .text("old €"), "old €"), TypeCase("ntext", .text("öld"), "öld"),
    TypeCase("image", .bytes([9, 8]), "0908"),
    TypeCase(
      "uniqueidentifier", .bytes(Array(0..<16)), "03020100-0504-0706-0809-0A0B0C0D0E0F"),
    TypeCase(
      "xml", .xml(.element("a", attributes: [.init("k", "\"")], children: [.text("x<")])),
      "<a k=\"&quot;\">x&lt;</a>"),
    TypeCase("sql_variant", .encoded([56, 1, 42, 0, 0, 0], text: "42"), "42"),
    TypeCase(
      "sql_variant",
      .encoded([231, 1, 0x40, 0x1F, 0x08, 0xD0, 0x00, 0x34, 0x41, 0, 0xE9, 0], text: "Aé"), "Aé"),
    TypeCase(
      "sql_variant", .encoded([108, 1, 9, 2, 1, 0x39, 0x30, 0, 0], text: "123.45"), "123.45"),
  ]
}

@Suite("Types")
struct TypeTests {
  /// Every form that a server may choose.
  static let forms = [
    ResultSet.Form(), ResultSet.Form(usesNullBitmap: true, partByteCount: 2, knowsLengths: false),
    ResultSet.Form(partByteCount: 3), ResultSet.Form(usesNullBitmap: true),
  ]

  @Test("every type comes out as FreeTDS prints it, in every form", arguments: TypeCase.all)
  func types(type: TypeCase) throws {
    let server = try TDSServer { batch in
      let column = ResultColumn("c", type.type)
      let fixed = ResultColumn("c", type.type, isNullable: false)
      return Response(
        Self.forms.map {
          .rows(
            ResultSet(
              [column, fixed], form: $0, rows: [[type.value, type.value], [.null, type.value]]))
        })
    }
    let outcome = try FreeTDS(server).tsql("SET TEXTSIZE -1\nSELECT 1", options: ["-o", "fhq"])
    let expected = "\(type.printed)\t\(type.printed)\nNULL\t\(type.printed)\n"
    #expect(outcome.output == String(repeating: expected, count: Self.forms.count))
    #expect(server.notes == [])
  }

  @Test("digits of a second come whole, as far as freebcp prints them")
  func seconds() throws {
    let columns = [
      ResultColumn("a", "datetime2(7)"), ResultColumn("b", "datetimeoffset(7)"),
      ResultColumn("c", "time(3)"), ResultColumn("d", "datetime"), ResultColumn("e", "date"),
    ]
    let values: [FixtureValue] = [
      .timestamp(days: 738_000, ticks: 863_991_239_999),
      .instant(days: 738_000, ticks: 450_000, offset: 60), .time(ticks: 6_780_000),
      .datetime(days: 738_000, ticks300: 299), .date(days: 738_000),
    ]
    let server = try TDSServer { batch in
      // freebcp asks for the columns first, and never ends when rows come with them.
      Response(ResultSet(columns, rows: batch.text.contains("FMTONLY") ? [] : [values]))
    }
    let client = try FreeTDS(server)
    let file = "\(client.folder.path)/out"
    let outcome = try client.run(
      "freebcp",
      ["SELECT * FROM t", "queryout", file, "-c", "-t", "|"] + client.login)
    #expect(outcome.errors == "")
    let printed = try String(contentsOfFile: file, encoding: .utf8)
    let expected = [
      "2021-07-30 23:59:59.123", "2021-07-30 01:00:00.045", "1900-01-01 00:00:00.678",
      "2021-07-30 00:00:00.997", "2021-07-30 00:00:00.000",
    ]
    #expect(printed == expected.joined(separator: "|") + "\n")
  }

  @Test("CLR types keep their names and bytes")
  func assemblyTypes() throws {
    let server = try TDSServer { _ in
      Response(
        ResultSet(
          [
            ResultColumn("h", "hierarchyid"), ResultColumn("g", "geometry"),
            ResultColumn("n", "int"),
          ],
          rows: [
            [.bytes([0x58]), .bytes([1, 2, 3, 4]), .integer(7)], [.null, .null, .integer(8)],
          ]))
    }
    let outcome = try FreeTDS(server).tsql("SELECT 1", options: ["-o", "fhq"])
    // tsql prints nothing for them, but what follows must be in its place.
    #expect(outcome.output == "\t7\nNULL\tNULL\t8\n")
  }

  @Test("many rows are made while they leave")
  func manyRows() throws {
    let server = try TDSServer { _ in
      Response(
        ResultSet([ResultColumn("n", "int"), ResultColumn("t", "varchar(10)")], rowCount: 100_000) {
          [.integer(Int64($0)), .text("row \($0 % 10)")]
        })
    }
    let outcome = try FreeTDS(server).tsql("SELECT 1")
    #expect(outcome.output.hasSuffix("99999\trow 9\n(100000 rows affected)\n1> "))
  }

  @Test("several result sets, counts and messages come in their order")
  func severalResults() throws {
    let set = ResultSet([ResultColumn("n", "int")], rows: [[.integer(1)], [.integer(2)]])
    let server = try TDSServer { _ in
      Response([
        .rows(set), .message(ServerMessage(50_000, severity: 0, "between")),
        .statement(rowCount: 7), .rows(set),
      ])
    }
    let outcome = try FreeTDS(server).tsql("SELECT 1")
    #expect(
      outcome.output.hasSuffix(
        "n\n1\n2\n(2 rows affected)\nn\n1\n2\n(2 rows affected)\n1> "))
    #expect(outcome.errors.contains("between"))
  }

  @Test("an error that the answer throws is the server's error")
  func thrown() throws {
    let server = try TDSServer { batch in
      throw ServerMessage(208, "Invalid object name '\(batch.name)'.", line: 3)
    }
    let outcome = try FreeTDS(server).tsql("-- restage: row counts\nSELECT 1")
    #expect(outcome.errors.contains("Msg 208 (severity 16, state 1) from FIXTURE Line 3:"))
    #expect(outcome.errors.contains("Invalid object name 'row counts'."))
  }
}
