import Catalog
import Testing

@testable import Staging

@Suite("watermarks and partial reads")
struct WatermarkTests {
  @Test("a later watermark reaches an earlier one, never the other way round")
  func order() {
    let pairs: [(Watermark.Kind, String?, earlier: String, later: String)] = [
      (.rowversion, "rv", "0x00000000000007D1", "0x000000000000A000"),
      (.changeTracking, nil, "9", "10"),
      (.column, "at", "2026-01-31T23:59:59.9999999", "2026-02-01T00:00:00.0000000"),
    ]
    for (kind, column, earlier, later) in pairs {
      let old = Watermark(kind: kind, column: column, value: earlier)
      let new = Watermark(kind: kind, column: column, value: later)
      #expect(new.reaches(old) && new.reaches(new), "\(kind)")
      #expect(!old.reaches(new), "\(kind)")
    }
  }

  @Test("watermarks of another kind, another column or another form are never reached")
  func others() {
    let own = Watermark(kind: .rowversion, column: "rv", value: "0x00000000000007D1")
    #expect(!own.reaches(Watermark(kind: .column, column: "rv", value: own.value)))
    #expect(!own.reaches(Watermark(kind: .rowversion, column: "v", value: own.value)))
    #expect(!own.reaches(Watermark(kind: .rowversion, column: "rv", value: "0x07D1")))
    let odd = Watermark(kind: .changeTracking, value: "many")
    #expect(!odd.reaches(odd))
  }

  @Test("a manifest with a partial table has a format of its own, which old readers refuse")
  func format() {
    let identity = SourceIdentity(
      kind: "mssql", database: "D", serverVersion: "", files: [], consistency: "")
    var table = TableManifest(table: ObjectName("dbo", "T"))
    func format() -> Int {
      Manifest(source: identity, schemaXXH3: "", tables: [table]).format
    }
    table.watermark = Watermark(kind: .changeTracking, value: "7")
    #expect(format() == 1, "a watermark alone changes nothing for a reader")
    table.partial = PartialRead(since: Watermark(kind: .changeTracking, value: "5"))
    #expect(format() == 2)
  }

  @Test("of a table that was not read as one state no row is taken for vanished")
  func uncertainty() {
    var table = TableManifest(table: ObjectName("dbo", "T"), rows: 5)
    #expect(table.absentRows == 0)
    table.uncertainty = "READ COMMITTED"
    #expect(table.absentRows == 1)
    table.sourceRows = 12
    #expect(table.absentRows == 7)
  }
}
