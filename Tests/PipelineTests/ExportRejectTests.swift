// Rows that the export refused are in no chunk: whoever loads or proves such a snapshot is told.

import TestSupport
import Testing

@Suite("Rows that the export refused")
struct ExportRejectTests {
  private let source: SmallSource
  private let target: TestPostgres

  init() throws {
    source = try SmallSource()
    target = try TestPostgres()
  }

  @Test("3: load and verify say how many rows are not in the snapshot")
  func refused() throws {
    var table = SmallTable("dbo", "T", [[1, 11], [2, 12], [3, 13]])
    table.notes = [1: "a", 2: "b\u{0}", 3: "c\u{0}"]
    let snapshot = try source.snapshot("1", of: "s", table)
    let loaded = try target.load(snapshot)
    #expect(loaded.status == 3, "\(loaded.errors)")
    #expect(
      loaded.output.contains("\nnot in the snapshot: 2 refused rows; its rejects/ lists them\n"),
      "\(loaded.output)")
    let proof = try target.verify(snapshot)
    #expect(proof.status == 3, "\(proof.errors)")
    #expect(
      proof.output.contains("\nequal but for 2 refused rows, not in the target: 1 tables, 1 row"),
      "\(proof.output)")
  }

  @Test("3: of damaged places nobody says how many rows they held")
  func damaged() throws {
    var table = SmallTable("dbo", "T", [[1, 11]])
    table.damagedPlaces = 2
    let snapshot = try source.snapshot("1", of: "s", table)
    let loaded = try target.load(snapshot)
    #expect(loaded.status == 3, "\(loaded.errors)")
    let words = "an unknown number of rows at 2 damaged places"
    #expect(loaded.output.contains("\nnot in the snapshot: \(words); "), "\(loaded.output)")
    let proof = try target.verify(snapshot)
    #expect(proof.status == 3, "\(proof.errors)")
    #expect(
      proof.output.contains("\nequal but for \(words), not in the target: "), "\(proof.output)")
  }

  @Test(
    "rows that the source counts and nobody found have not vanished",
    arguments: ["delete", "mark\nmark_column: gone_at"])
  func fewerThanCounted(policy: String) throws {
    let mapping = try source.mapping("on_vanished: \(policy)\nmax_vanished: 2\n")
    var table = SmallTable("dbo", "T", [[1, 1], [2, 2], [3, 3]])
    let one = try source.snapshot("1", of: "s", table)
    table.rows = [[1, 1]]
    let whole = try source.snapshot("2", of: "s", table)
    table.sourceRows = 3
    let part = try source.snapshot("3", of: "s", table)
    #expect(try target.load(one, "--mapping", mapping).status == 0)

    let left =
      policy == "delete"
      ? "SELECT count(*) FROM public.t" : "SELECT count(*) FROM public.t WHERE gone_at IS NULL"
    let loaded = try target.load(part, "--mapping", mapping)
    #expect(loaded.status == 0, "\(loaded.errors)")
    #expect(loaded.errors.contains("counted=3 rows=1 table=dbo.T"), "\(loaded.errors)")
    #expect(try target.psql(left) == "3")
    let last = try target.load(whole, "--mapping", mapping)
    #expect(last.status == 0, "\(last.errors)")
    #expect(try target.psql(left) == "1")
  }

  @Test("of a table that was not read as one state nothing is deleted")
  func uncertain() throws {
    let mapping = try source.mapping("on_vanished: delete\nmax_vanished: 2\n")
    var table = SmallTable("dbo", "T", [[1, 1], [2, 2], [3, 3]])
    let one = try source.snapshot("1", of: "s", table)
    table.rows = [[1, 1]]
    let whole = try source.snapshot("2", of: "s", table)
    table.uncertainty = "READ COMMITTED"
    let part = try source.snapshot("3", of: "s", table)
    #expect(try target.load(one, "--mapping", mapping).status == 0)
    let loaded = try target.load(part, "--mapping", mapping)
    #expect(loaded.status == 0, "\(loaded.errors)")
    #expect(loaded.errors.contains("not read as one state"), "\(loaded.errors)")
    #expect(try target.psql("SELECT count(*) FROM public.t") == "3")
    #expect(try target.verify(part, "--mapping", mapping).status == 0)
    #expect(try target.load(whole, "--mapping", mapping).status == 0)
    #expect(try target.psql("SELECT count(*) FROM public.t") == "1")
  }
}
