// Foreign keys that do not hold at every moment of a run, and targets that ask for just that.

import Catalog
import Pipeline
import Report
import TestSupport
import Testing

@Suite("Foreign keys while values move")
struct ForeignKeyTests {
  /// Cities refer to a country by its code, which is not its key.
  private static let atlas: [Table] = {
    var city = Table.numbered("City", "CityID", "Code")
    city.foreignKeys = [
      ForeignKey(
        name: "FK_City_Code", columns: ["Code"], parent: ObjectName("dbo", "Country"),
        parentColumns: ["Code"])
    ]
    return [Table.numbered("Country", "CountryID", "Code", unique: [["Code"]]), city]
  }()

  private static let first: [String: Rows] = [
    "Country": [["1", "de"], ["2", "fr"]], "City": [["1", "de"], ["2", "fr"]],
  ]
  private static let second: [String: Rows] = [
    "Country": [["1", "DEU"], ["2", "fr"]], "City": [["1", "DEU"], ["2", "fr"], ["3", "DEU"]],
  ]

  @Test("a value that changes in parent and child is one night's work")
  func valueMoves() async throws {
    let nights = try Nights(Self.atlas)
    _ = try await nights.load(Self.first)
    let (counts, proof) = try await nights.load(Self.second)
    #expect(counts == "city: 1 inserted, 1 unchanged, 1 updated; country: 1 unchanged, 1 updated")
    #expect(proof.isEqual)
  }

  @Test("65: a foreign key of an older target is checked at once; what the advice says helps")
  func fixedForeignKey() async throws {
    let nights = try Nights(Self.atlas)
    _ = try await nights.load(Self.first)
    try nights.postgres.psql("ALTER TABLE public.city ALTER CONSTRAINT fk_city_code NOT DEFERRABLE")
    let error = await #expect(throws: PipelineError.self) { _ = try await nights.load(Self.second) }
    #expect(error?.status == .differences)
    #expect(
      error?.problem.contains("foreign key fk_city_code of public.city to public.country") == true)
    #expect(error?.problem.contains("(code)=(DEU)") == true, "\(error?.problem ?? "")")
    let statement = try #require(
      error?.advice?.firstMatch(of: /ALTER TABLE .*? IMMEDIATE/).map { String($0.output) })
    try nights.postgres.psql(statement)
    #expect(try await nights.load(Self.second).verification.isEqual)
  }

  @Test("65: values that swap under the key are told the way out, and it leads there")
  func valuesSwap() async throws {
    let nights = try Nights(Self.atlas)
    _ = try await nights.load(Self.first)
    let swapped: [String: Rows] = [
      "Country": [["1", "fr"], ["2", "de"]], "City": [["1", "de"], ["2", "de"]],
    ]
    let error = await #expect(throws: PipelineError.self) { _ = try await nights.load(swapped) }
    #expect(error?.status == .differences)
    #expect(error?.problem.contains("until it changes in the same run") == true)
    #expect(error?.advice?.contains("by hand in one transaction") == true)
    #expect(error?.advice?.contains("DEFERRABLE constraint") == false)
    // As docs/key-maps.md has it.
    try nights.postgres.psql(
      """
      BEGIN;
      SET CONSTRAINTS ALL DEFERRED;
      UPDATE public.country SET code = '?' WHERE code = 'de';
      UPDATE public.country SET code = 'de' WHERE code = 'fr';
      UPDATE public.country SET code = 'fr' WHERE code = '?';
      COMMIT;
      """)
    let (_, proof) = try await nights.load(swapped)
    #expect(proof.isEqual)
    let again = try await nights.load(swapped)
    #expect(!again.counts.contains("updated"), "\(again.counts)")
  }

  @Test("65: rows that are not loaded any more still have the old value")
  func leftBehind() async throws {
    let nights = try Nights(Self.atlas)
    _ = try await nights.load(Self.first)
    let error = await #expect(throws: PipelineError.self) {
      _ = try await nights.load(["Country": [["1", "DEU"], ["2", "fr"]], "City": [["2", "fr"]]])
    }
    #expect(error?.status == .differences)
    #expect(error?.problem.contains("(code)=(de) is still referenced") == true)
    #expect(error?.advice?.contains("on_vanished") == true)
    let (counts, _) = try await nights.load(
      ["Country": [["1", "DEU"], ["2", "fr"]], "City": [["2", "fr"]]],
      mapping: "on_vanished: delete\nmax_vanished: 100%")
    // The parent is updated before the child is deleted; both hold in the end.
    #expect(
      counts
        == "city: 1 deleted, 1 unchanged, 1 vanished; country: 1 unchanged, 1 updated")
  }

  private static func ring(isNullable: Bool) -> [Table] {
    var head = Table.numbered("Head", "HeadID", "TailID", parents: [("TailID", "Tail")])
    var tail = Table.numbered("Tail", "TailID", "HeadID", parents: [("HeadID", "Head")])
    head.columns[1].isNullable = false
    tail.columns[1].isNullable = isNullable
    return [head, tail]
  }

  private static let makeFixed = """
    ALTER TABLE public.head ALTER CONSTRAINT fk_head_tail_id NOT DEFERRABLE;
    ALTER TABLE public.tail ALTER CONSTRAINT fk_tail_head_id NOT DEFERRABLE;
    """

  @Test("a ring whose foreign keys are checked at once is filled over a column that may be NULL")
  func openRing() async throws {
    let nights = try Nights(Self.ring(isNullable: true))
    _ = try await nights.load(["Head": [["1", "11"]], "Tail": [["11", "1"]]])
    try nights.postgres.psql(Self.makeFixed)
    let (counts, proof) = try await nights.load([
      "Head": [["1", "12"], ["2", "11"]], "Tail": [["11", "1"], ["12", "2"]],
    ])
    #expect(
      counts == "head: 1 inserted, 1 updated; tail: 1 inserted, 1 unchanged")
    #expect(proof.isEqual)

    _ = try await nights.load([
      "Head": [["1", "12"], ["2", "11"], ["3", "13"]],
      "Tail": [["11", "1"], ["12", "2"], ["13", "3"]],
    ])
    let undone = try RestageTool.run(["rollback", "last", "--target", nights.postgres.uri])
    #expect(undone.status == 0, "\(undone.output)\(undone.errors)")
    #expect(try nights.postgres.psql("SELECT count(*) FROM public.tail") == "2")
  }

  @Test("76: a ring in which no column may be NULL is refused with its path, and can be opened")
  func closedRing() async throws {
    let nights = try Nights(Self.ring(isNullable: false))
    let rows: [String: Rows] = ["Head": [["1", "11"]], "Tail": [["11", "1"]]]
    _ = try await nights.load(rows)
    try nights.postgres.psql(Self.makeFixed)
    let error = await #expect(throws: PipelineError.self) { _ = try await nights.load(rows) }
    #expect(error?.status == .drifted)
    #expect(error?.problem.contains("public.head -> public.tail -> public.head") == true)
    let statement = try #require(
      error?.advice?.firstMatch(of: /ALTER TABLE .*? IMMEDIATE/).map { String($0.output) })
    try nights.postgres.psql(statement)
    let (counts, proof) = try await nights.load([
      "Head": [["1", "12"], ["2", "11"]], "Tail": [["11", "1"], ["12", "2"]],
    ])
    #expect(counts == "head: 1 inserted, 1 updated; tail: 1 inserted, 1 unchanged")
    #expect(proof.isEqual)
  }
}

@Suite("Why a row was refused, up to the row where it began")
struct RejectChainTests {
  private static let artist = Table.numbered("Artist", "ArtistID", "Name")
  private static let album = Table.numbered(
    "Album", "AlbumID", "ArtistID", parents: [("ArtistID", "Artist")])
  private static let track = Table.numbered(
    "Track", "TrackID", "AlbumID", parents: [("AlbumID", "Album")])
  private static let mapping = "on_orphan: reject"

  private func messages(_ nights: Nights) throws -> [String] {
    try nights.postgres.psql(
      """
      SELECT r.table_name || ' ' || r.source_key || ': ' || r.message
      FROM restage.reject AS r
      WHERE r.run_id = (SELECT id FROM restage.run ORDER BY started_at DESC LIMIT 1)
      ORDER BY r.id
      """
    ).split(separator: "\n").map(String.init)
  }

  @Test("over three tables; the rows are taken in when the parent has come")
  func chain() async throws {
    let nights = try Nights([Self.artist, Self.album, Self.track], mapping: Self.mapping)
    let albums: Rows = [["4", "99"], ["5", "1"]]
    let tracks: Rows = [["17", "4"], ["18", "5"], ["19", "8"]]
    let first = try await nights.load(
      ["Artist": [["1", nil]], "Album": albums, "Track": tracks])
    #expect(
      first.counts
        == "album: 1 inserted, 1 rejected; artist: 1 inserted; track: 1 inserted, 2 rejected")
    #expect(
      try messages(nights) == [
        #"public.album {"AlbumID": 4}: the parent public.artist {"ArtistID": 99} is in no key map"#,
        #"public.track {"TrackID": 17}: the parent public.album {"AlbumID": 4} was refused: "#
          + #"the parent public.artist {"ArtistID": 99} is in no key map"#,
        #"public.track {"TrackID": 19}: the parent public.album {"AlbumID": 8} is in no key map"#,
      ])
    let second = try await nights.load(
      ["Artist": [["1", nil], ["99", nil]], "Album": albums, "Track": tracks])
    #expect(
      second.counts
        == "album: 1 inserted, 1 unchanged; artist: 1 inserted, 1 unchanged; track: 1 inserted, 1 rejected, 1 unchanged"
    )
    #expect(second.verification.isEqual)
  }

  @Test("down a table that refers to itself, however deep: both ends can be read")
  func deep() async throws {
    let node = Table.numbered("Node", "NodeID", "ParentID")
    var linked = node
    linked.foreignKeys = [
      ForeignKey(
        name: "FK_Node", columns: ["ParentID"], parent: node.name, parentColumns: ["NodeID"])
    ]
    let nights = try Nights([linked], mapping: Self.mapping)
    let rows: Rows = (1...60).map { ["\($0)", "\($0 - 1)"] }
    _ = try await nights.load(["Node": rows])
    let found = try messages(nights)
    #expect(found.count == 60)
    let last = try #require(found.last)
    #expect(
      last.hasPrefix(
        #"public.node {"NodeID": 60}: the parent public.node {"NodeID": 59} was refused: "#))
    #expect(last.hasSuffix(#"the parent public.node {"NodeID": 0} is in no key map"#))
    #expect(found.allSatisfy { $0.count < 1300 })
  }
}
