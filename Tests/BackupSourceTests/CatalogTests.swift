import Catalog
import TestSupport
import Testing

@testable import BackupSource

@Suite("the catalog of real files", .enabled(if: SharedData.isThere, SharedData.skipped))
struct CatalogTests {
  @Test("equals the truth, fact by fact", arguments: RealFiles.all)
  func equalsTruth(file: RealFile) throws {
    let truth = try Truth.read(file.name)
    let database = try file.open().readCatalog()
    let found = Set(SchemaLines(database).lines)
    let expected = Set(SchemaLines(try #require(truth.schema)).lines)
    #expect(expected.subtracting(found).sorted() == [])
    #expect(found.subtracting(expected).sorted() == [])
    #expect(database.tables.compactMap(\.refusal) == [])
    #expect(database.notes == [])
    #expect(database.name == truth.database)
  }
}
