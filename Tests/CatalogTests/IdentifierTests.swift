import Catalog
import TestSupport
import Testing

@Suite struct IdentifierTests {
  @Test(
    "PostgreSQL reads every quoted identifier back unchanged",
    arguments: [
      "plain", "Customer\"ID", "with space", "ÑandÚ", "select", "user", "_x1", "1x", "a.b", "a'b",
      "line\nend", String(repeating: "n", count: 63), String(repeating: "é", count: 31), "naïve$",
    ])
  func roundTrip(name: String) throws {
    let database = try TestPostgres()
    let quoted = Identifier(name).quoted
    try database.psql("CREATE TABLE \(quoted) (\(quoted) integer)")
    let found = try database.psql(
      "SELECT count(*) FROM pg_class WHERE relname = \(SQLLiteral.quoted(name))")
    #expect(found == "1")
  }

  @Test(
    "PostgreSQL reads every quoted text back unchanged, whatever the setting",
    arguments: ["", "it's", "a\\b", "\\", "'", "\\'", "line\nend", "ÑandÚ", "$$"])
  func literals(text: String) throws {
    let database = try TestPostgres()
    for setting in ["on", "off"] {
      let bytes = try database.psql(
        """
        SET standard_conforming_strings = \(setting);
        SET escape_string_warning = off;
        SELECT encode(convert_to(\(SQLLiteral.quoted(text)), 'UTF8'), 'hex')
        """)
      let expected = text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      #expect(bytes == expected)
    }
  }

  @Test("file names of tables percent-encode what folders cannot hold")
  func fileNames() {
    #expect(ObjectName("dbo", "Order Details").fileName == "dbo.Order%20Details")
    #expect(ObjectName("dbo", "a/b\n").fileName == "dbo.a%2Fb%0A")
    #expect(ObjectName("dbo", "Ñ").fileName == "dbo.%C3%91")
  }
}
