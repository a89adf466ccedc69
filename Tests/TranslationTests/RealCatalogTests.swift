import Catalog
import TestSupport
import Testing
import Translation

@Suite("catalogs of real databases")
struct RealCatalogTests {
  @Test(
    "PostgreSQL makes every table, key, index and foreign key of it",
    .enabled(if: SharedData.isThere, SharedData.skipped), arguments: TruthCatalog.names)
  func ddlRuns(file: String) throws {
    guard let database = try TruthCatalog.database(file) else { return }
    let mapped = try Translator.map(database, by: Mapping())
    let postgres = try TestPostgres()
    try postgres.psql(DDL.files(for: mapped).map(\.text).joined())
    let made = try postgres.psql(
      """
      SELECT count(*) FROM information_schema.tables
      WHERE table_schema NOT IN ('pg_catalog', 'information_schema');
      """)
    #expect(made == "\(database.tables.count)")
    let keys = try postgres.psql("SELECT count(*) FROM pg_constraint WHERE contype = 'f';")
    #expect(keys == "\(database.tables.map(\.foreignKeys.count).reduce(0, +))")
  }

  @Test(
    "every default of it is translated",
    .enabled(if: SharedData.isThere, SharedData.skipped), arguments: TruthCatalog.names)
  func defaultsAreTranslated(file: String) throws {
    guard let database = try TruthCatalog.database(file) else { return }
    let mapped = try Translator.map(database, by: Mapping())
    let lost = mapped.unsupported.filter {
      $0.kind == "default" && $0.reason.hasPrefix("no default")
    }
    #expect(lost == [])
  }
}
