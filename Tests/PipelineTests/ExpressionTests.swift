import Catalog
import Pipeline
import Report
import TestSupport
import Testing

@Suite("SQL of the mapping")
struct ExpressionTests {
  private static let artist = Table.numbered("Artist", "ArtistID", "Name", "Note")
  private static let mapping = """
    tables:
      dbo.Artist:
        where: "note IS DISTINCT FROM 'draft'"
        columns: { Name: { expr: "btrim(name)" } }
        add: { imported_at: { type: timestamptz, expr: "now()" } }
    """

  @Test("where, expr and add are applied by the load, and by the proof")
  func applied() async throws {
    let nights = try Nights([Self.artist], mapping: Self.mapping)
    let rows: Rows = [["1", " a ", nil], ["2", "b", "draft"], ["3", "c", "x"]]
    let first = try await nights.load(["Artist": rows])
    #expect(first.counts == "artist: 1 filtered, 2 inserted, 2 transformed")
    #expect(first.verification.isEqual, "\(first.verification)")
    let found = try nights.postgres.psql(
      "SELECT string_agg(name || (imported_at IS NOT NULL), ',' ORDER BY name) FROM public.artist")
    #expect(found == "atrue,ctrue")

    // The proof is none that would pass whatever the target holds.
    try nights.postgres.psql("UPDATE public.artist SET name = 'A' WHERE name = 'a'")
    let second = try await nights.load(["Artist": rows])
    #expect(second.counts == "artist: 1 filtered, 2 transformed, 2 unchanged")
    #expect(second.verification.tables.map(\.differing) == [1])
  }

  @Test("SQL that PostgreSQL does not take is the mapping's fault, and nothing is staged")
  func refused() async throws {
    let nights = try Nights(
      [Self.artist], mapping: "tables: { dbo.Artist: { where: \"nothing = 1\" } }")
    let error = await #expect(throws: PipelineError.self) {
      _ = try await nights.load(["Artist": [["1", "a", nil]]])
    }
    #expect(error?.status == .wrongMapping)
    #expect(error?.problem.contains("dbo.Artist: PostgreSQL does not take where") == true)
  }
}
