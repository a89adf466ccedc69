import Catalog
import Testing

@testable import BackupSource

@Suite("numbers and texts of the catalog")
struct CatalogValueTests {
  @Test(
    "collation ids say case, accents and code page",
    arguments: [
      (0x3400_D008, 1252, false, true), (0x3300_C008, 1252, true, true), (0xD010, 932, false, true),
      (0xF008, 1252, false, false), (0x0001_0008, 1252, true, true), (0xD108, 65001, false, true),
      (0xD001, 1256, false, true), (0xD015, 1251, false, true), (0xD01F, 1257, false, true),
    ] as [(UInt32, Int, Bool, Bool)])
  func collations(id: UInt32, codePage: Int, isCaseSensitive: Bool, isAccentSensitive: Bool) {
    let collation = CollationID(id).collation
    #expect(collation.codePage == codePage)
    #expect(collation.isCaseSensitive == isCaseSensitive)
    #expect(collation.isAccentSensitive == isAccentSensitive)
    #expect(collation.isBinary == (id & 0x10000 != 0))
  }

  @Test("collations are named only where the name is certain")
  func collationNames() {
    #expect(CollationID(0x3400_D008).name == "SQL_Latin1_General_CP1_CI_AS")
    #expect(CollationID(0x1008).name == "Latin1_General_CI_AS_KS_WS")
    #expect(CollationID(0xF00B).name == "French_CI_AI")
    #expect(CollationID(0x0004_D008).name == nil)
    #expect(CollationID(0xD0FE).name == nil)
    // A locale that is not in the table has the code page of the backup's Windows locale, as far as it is
    // the database's own.
    let exotic = CollationID(0xD0FE)
    #expect(exotic.codePage(ofDefault: exotic, 0x043F) == 1251)
    #expect(exotic.codePage(ofDefault: exotic, 0x2_0804) == 936)
    #expect(exotic.codePage(ofDefault: exotic, nil) == nil)
    #expect(exotic.codePage(ofDefault: exotic, 0x7FFF) == nil)
    #expect(exotic.codePage(ofDefault: CollationID(0xD008), 0x0409) == nil)
    #expect(CollationID(0xD008).codePage(ofDefault: exotic, 0x043F) == 1252)
  }

  private func column(_ xtype: UInt8, _ identity: [UInt8]) -> SystemColumn {
    SystemColumn(
      objectID: 1, columnID: 1, name: "id", xtype: xtype, userType: 0, length: 4, precision: 0,
      scale: 0, collationID: 0, status: .identity, defaultID: 0, ruleID: 0,
      identityBytes: identity)
  }

  private func identity(_ xtype: UInt8, _ bytes: String) -> Identity? {
    Identity(idtval: hex(bytes), column(xtype, []))
  }

  @Test("an identity keeps last value, increment and seed in the width of its type")
  func identities() {
    #expect(
      identity(XType.int, "AB2A0000 01000000 08280000 00")
        == Identity(seed: 10248, increment: 1, lastValue: 10923))
    #expect(
      identity(XType.int, "64000000 0A000000 64000000 01")
        == Identity(seed: 100, increment: 10, lastValue: nil))
    #expect(
      identity(XType.tinyint, "FF 01 80 00") == Identity(seed: 128, increment: 1, lastValue: 255))
    #expect(
      identity(XType.smallint, "FFFF FFFF 0500 82")
        == Identity(seed: 5, increment: -1, lastValue: -1))
    let number = "05 12 00 01 2A00000000000000 0000000000000000 "
    #expect(
      identity(XType.numeric, number + number + number + "00")
        == Identity(seed: 42, increment: 42, lastValue: 42))
    #expect(identity(XType.int, "AB2A0000") == nil)
  }

  @Test("a sequence keeps start, increment, minimum, maximum and current")
  func sequences() throws {
    let name = ObjectName("dbo", "numbers")
    let sequence = try #require(
      SequenceGenerator(
        name: name, payload: hex("01000000 05000000 00000080 FFFFFF7F 0B000000 00")))
    #expect(
      sequence
        == SequenceGenerator(
          name: name, type: ColumnType(.int), start: 1, increment: 5, minimum: -2_147_483_648,
          maximum: 2_147_483_647, current: 11, cycles: false))
    #expect(SequenceGenerator(name: name, payload: hex("01")) == nil)
  }

  @Test("a bound default is the expression of its CREATE DEFAULT")
  func createDefault() {
    #expect(DefaultConstraint.expression(ofCreateDefault: "CREATE DEFAULT [zero] AS 0\r\n") == "0")
    #expect(
      DefaultConstraint.expression(ofCreateDefault: "create default dbo.d\n as\n 'as is'")
        == "'as is'")
  }

  @Test("text of the catalog is 8-bit; what cannot be told is nil")
  func text() {
    #expect(String(catalogText: hex("4180"), codePage: 1252) == "A€")
    #expect(String(catalogText: hex("41"), codePage: nil) == "A")
    #expect(String(catalogText: hex("4180"), codePage: nil) == nil)
  }

  @Test("types are spelled as T-SQL spells them")
  func types() {
    func spelled(
      _ xtype: UInt8, _ length: Int = 0, precision: Int = 0, scale: Int = 0, userType: Int = 0
    ) -> String {
      ColumnType(
        xtype: xtype, userType: userType, length: length, precision: precision, scale: scale
      ).description
    }
    #expect(spelled(XType.nvarchar, 80) == "nvarchar(40)")
    #expect(spelled(XType.varbinary, -1) == "varbinary(max)")
    #expect(spelled(XType.decimal, 9, precision: 18, scale: 2) == "decimal(18,2)")
    #expect(spelled(XType.datetime2, 8, precision: 27, scale: 7) == "datetime2(7)")
    #expect(spelled(XType.clr, 892, userType: 128) == "hierarchyid")
    #expect(spelled(XType.clr, -1, userType: 300) == "clr")
    #expect(spelled(XType.text, 16) == "text")
  }
}
