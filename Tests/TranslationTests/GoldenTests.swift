import Catalog
import Foundation
import TestSupport
import Testing
import Translation

@Suite("golden translations")
struct GoldenTests {
  private static let folder = SharedData.packageFolder + "/Tests/Golden/Translation"
  private static let isUpdating = ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1"

  @Test("the files are byte for byte as recorded", arguments: GoldenCase.all)
  func filesAreAsRecorded(golden: GoldenCase) throws {
    let folder = "\(Self.folder)/\(golden.name)"
    let files = try golden.files()
    if Self.isUpdating {
      try? FileManager.default.removeItem(atPath: folder)
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      for (name, text) in files {
        try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
      }
      Issue.record("recorded anew: review the difference, then run without UPDATE_GOLDEN")
      return
    }
    let recorded = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    #expect(recorded == files.keys.sorted())
    for (name, text) in files.sorted(by: { $0.key < $1.key }) {
      let expected = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
      #expect(text.utf8.elementsEqual(expected.utf8), "\(golden.name)/\(name) differs:\n\(text)")
    }
  }

  @Test("every recorded folder has its case")
  func nothingIsLeftOver() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: Self.folder).sorted()
    #expect(folders == GoldenCase.all.map(\.name).sorted())
  }

  @Test("PostgreSQL runs the files, the first of them twice", arguments: GoldenCase.all)
  func postgresRunsThem(golden: GoldenCase) throws {
    let mapped = try golden.mapped()
    let files = DDL.files(for: mapped)
    let postgres = try TestPostgres()
    try postgres.psql(files.map(\.text).joined() + files[0].text)
    // What PostgreSQL has is what was decided: no name was cut or folded on the way.
    let tables = try postgres.psql(
      """
      SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
      FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      """)
    let decided = mapped.tables.map(\.target.quoted)
    #expect(Set(tables.split(separator: "\n").map(String.init)).count == decided.count)
    for table in mapped.tables {
      let columns = try postgres.psql(
        """
        SELECT string_agg(a.attname, E'\\x01' ORDER BY a.attnum) FROM pg_attribute AS a
        WHERE a.attrelid = \(SQLLiteral.quoted(table.target.quoted))::regclass
          AND a.attnum > 0 AND NOT a.attisdropped
        """)
      let names = table.columns.map(\.name.name) + table.ownColumns.map(\.name.name)
      #expect(columns == names.joined(separator: "\u{1}"))
    }
  }
}
