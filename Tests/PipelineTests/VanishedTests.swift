import Catalog
import Pipeline
import Report
import TestSupport
import Testing

@Suite("Rows that vanish from the source")
struct VanishedTests {
  private static let tables = [
    Table.numbered("Artist", "ArtistID", "Name", unique: [["Name"]]),
    Table.numbered("Album", "AlbumID", "ArtistID", parents: [("ArtistID", "Artist")]),
  ]
  private static let first: [String: Rows] = [
    "Artist": [["1", "a"], ["2", "b"], ["3", "c"]], "Album": [["10", "1"], ["11", "2"]],
  ]

  @Test("deleted rows free their unique values in the same night, and leave a record")
  func delete() async throws {
    let nights = try Nights(Self.tables, mapping: "on_vanished: delete\nmax_vanished: 50%\n")
    _ = try await nights.load(Self.first)
    let (counts, proof) = try await nights.load([
      "Artist": [["2", "b"], ["3", "c"], ["4", "a"]], "Album": [["11", "2"], ["12", "4"]],
    ])
    #expect(
      counts == """
        album: 1 deleted, 1 inserted, 1 unchanged, 1 vanished; \
        artist: 1 deleted, 1 inserted, 2 unchanged, 1 vanished
        """)
    #expect(proof.isEqual)
    #expect(try nights.postgres.psql("SELECT count(*) FROM public.artist") == "3")
    let record = try nights.postgres.psql(
      """
      SELECT source_key, row_data->>'name' FROM restage.displaced
      WHERE table_name = 'public.artist' AND action = 'deleted'
      """)
    #expect(record == "{\"source_artist_id\": 1}|a")
  }

  @Test("more than the ceiling stops the run; --allow-shrink lets it pass")
  func ceiling() async throws {
    let nights = try Nights(Self.tables, mapping: "on_vanished: delete\n")
    _ = try await nights.load(Self.first)
    let fewer: [String: Rows] = ["Artist": [["1", "a"]], "Album": [["10", "1"]]]
    let error = await #expect(throws: (any Error).self) { _ = try await nights.load(fewer) }
    #expect(error.map { ExitStatus(for: $0) } == .differences)
    #expect("\(error.map { "\($0)" } ?? "")".contains("max_vanished allows 1 (5%)"))
    #expect(try nights.postgres.psql("SELECT count(*) FROM public.artist") == "3")

    let (counts, proof) = try await nights.load(
      fewer, options: Load.Options(allowsShrink: true))
    #expect(
      counts == """
        album: 1 deleted, 1 unchanged, 1 vanished; artist: 2 deleted, 1 unchanged, 2 vanished
        """)
    #expect(proof.isEqual)
  }

  @Test("an empty table is refused, whatever the ceiling; under report it is loaded")
  func empty() async throws {
    let nights = try Nights(Self.tables, mapping: "on_vanished: delete\nmax_vanished: 100%\n")
    _ = try await nights.load(Self.first)
    let error = await #expect(throws: (any Error).self) {
      _ = try await nights.load(["Artist": Self.first["Artist"] ?? []])
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains("which holds none any more"))
    let (counts, proof) = try await nights.load(
      ["Artist": Self.first["Artist"] ?? []], mapping: "on_vanished: report")
    #expect(counts == "album: 2 vanished; artist: 3 unchanged")
    #expect(proof.isEqual)
  }

  @Test(
    "a row that an application's table refers to stays, whatever its foreign key would do",
    arguments: ["", "ON DELETE CASCADE", "ON DELETE SET NULL", "DEFERRABLE INITIALLY DEFERRED"])
  func heldByApplication(action: String) async throws {
    let nights = try Nights(Self.tables, mapping: "on_vanished: delete\nmax_vanished: 100%\n")
    _ = try await nights.load([
      "Artist": [["1", "a"], ["2", "b"], ["3", "c"]], "Album": [["9", "3"]],
    ])
    try nights.postgres.psql(
      """
      CREATE TABLE fan (artist_id integer REFERENCES public.artist \(action));
      INSERT INTO fan SELECT artist_id FROM public.artist WHERE name = 'a';
      """)
    let night: [String: Rows] = ["Artist": [["3", "c"]], "Album": [["9", "3"]]]
    let (counts, proof) = try await nights.load(night)
    #expect(counts == "album: 1 skipped; artist: 1 deleted, 1 unchanged, 2 vanished")
    #expect(proof.isEqual)
    let fans = try nights.postgres.psql("SELECT name FROM fan JOIN public.artist USING (artist_id)")
    #expect(fans == "a")
    #expect(try await nights.load(night).counts == "album: 1 skipped; artist: 1 skipped")
  }

  @Test("a child table that left the plan holds its parents still")
  func heldBySkipped() async throws {
    var tables = Self.tables
    tables[1].foreignKeys[0].onDelete = .cascade
    let policy = "on_vanished: delete\nmax_vanished: 100%\n"
    let nights = try Nights(tables, mapping: policy)
    _ = try await nights.load(Self.first)
    let (counts, _) = try await nights.load(
      ["Artist": [["3", "c"]], "Album": [["10", "1"]]],
      mapping: policy + "tables: { dbo.Album: { skip: later } }\n")
    #expect(counts == "artist: 1 unchanged, 2 vanished")
    #expect(try nights.postgres.psql("SELECT count(*) FROM public.album") == "2")
  }

  @Test(
    "rows that hold each other, and rows that vanished on earlier nights, count for the ceiling")
  func ceilingOfChain() async throws {
    let nights = try Nights(
      [Table.numbered("Part", "PartID", "PartOfID", parents: [("PartOfID", "Part")])])
    let chain: Rows = (1...20).map { ["\($0)", $0 == 1 ? nil : "\($0 - 1)"] }
    _ = try await nights.load(["Part": chain])
    _ = try await nights.load(["Part": Array(chain.prefix(1))])
    let error = await #expect(throws: (any Error).self) {
      _ = try await nights.load(
        ["Part": Array(chain.prefix(1))], mapping: "on_vanished: delete\nmax_vanished: 50%\n")
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains("19 of 20 known rows"))
    #expect(try nights.postgres.psql("SELECT count(*) FROM public.part") == "20")
    _ = try await nights.load(
      ["Part": Array(chain.prefix(1))], mapping: "on_vanished: delete\nmax_vanished: 100%\n")
    #expect(try nights.postgres.psql("SELECT count(*) FROM public.part") == "1")
  }

  @Test("the mark column of the final table says when")
  func mark() async throws {
    let nights = try Nights(
      [Table.numbered("Artist", "ArtistID", "Name")],
      mapping: "on_vanished: mark\nmax_vanished: 1\nmark_column: gone_at\n")
    _ = try await nights.load(["Artist": [["1", "a"], ["2", "b"]]])
    _ = try await nights.load(["Artist": [["1", "a"]]])
    let marked = "SELECT string_agg(name, ',') FROM public.artist WHERE gone_at IS NOT NULL"
    #expect(try nights.postgres.psql(marked) == "b")
    let (_, proof) = try await nights.load(["Artist": [["1", "a"], ["2", "b"]]])
    #expect(try nights.postgres.psql(marked) == "")
    #expect(proof.isEqual)
  }
}

@Suite("Rows that several sources share")
struct NaturalKeyTests {
  private static let artist = Table.numbered("Artist", "ArtistID", "Name", "Note")

  private static func mapping(_ source: String) -> String {
    """
    source: \(source)
    on_vanished: delete
    max_vanished: 100%
    tables: { dbo.Artist: { natural_key: [Name] } }
    """
  }

  @Test("a second source finds the rows of the first, and neither deletes what the other has")
  func twoSources() async throws {
    let nights = try Nights([Self.artist])
    let (a, b) = (Self.mapping("a"), Self.mapping("b"))
    _ = try await nights.load(["Artist": [["1", "x", "A"], ["2", "y", "A"]]], mapping: a)
    let matched = try await nights.load(
      ["Artist": [["1", "y ", "B"], ["2", "z", "B"]]], mapping: b)
    #expect(matched.counts == "artist: 1 inserted, 1 matched")
    #expect(matched.verification.isEqual)
    #expect(
      try nights.postgres.psql("SELECT string_agg(name || note, ',' ORDER BY name) FROM artist")
        == "xA,yA,zB")

    // The first source loses both of its rows: one of them is the second source's too.
    let lost = try await nights.load(["Artist": [["3", "w", "A"]]], mapping: a)
    #expect(lost.counts == "artist: 1 deleted, 1 inserted, 2 vanished")
    #expect(lost.verification.isEqual)
    #expect(
      try nights.postgres.psql("SELECT string_agg(name, ',' ORDER BY name) FROM artist")
        == "w,y,z")
    // And the second source never takes away what it only recognised.
    let left = try await nights.load(["Artist": [["2", "z", "B"]]], mapping: b)
    #expect(left.counts == "artist: 1 unchanged, 1 vanished")
    #expect(left.verification.isEqual)
  }
}

@Suite("Rows that were edited in the target")
struct ConflictTests {
  @Test(
    "a row without a parent that an application gave one of its own is an edited row",
    arguments: ["overwrite", "keep", "fail"])
  func parentOfOthers(policy: String) async throws {
    let artist = Table.numbered("Artist", "ArtistID", "Name")
    let album = Table.numbered(
      "Album", "AlbumID", "ArtistID", "Title", parents: [("ArtistID", "Artist")])
    let nights = try Nights([artist, album], mapping: "on_conflict: \(policy)\n")
    _ = try await nights.load(["Artist": [["1", "a"]], "Album": [["1", nil, "x"]]])
    try nights.postgres.psql(
      """
      INSERT INTO public.artist (artist_id, name) VALUES (99999, 'an application''s');
      UPDATE public.album SET artist_id = 99999;
      """)
    var counts = ""
    do {
      counts = try await nights.load(
        ["Artist": [["1", "a"]], "Album": [["1", nil, "y"]]]
      ).counts
    } catch {
      #expect(policy == "fail" && ExitStatus(for: error) == .differences, "\(error)")
    }
    switch policy {
    case "overwrite": #expect(counts == "album: 1 overwritten, 1 updated; artist: 1 skipped")
    case "keep": #expect(counts == "album: 1 kept; artist: 1 skipped")
    default: #expect(counts.isEmpty)
    }
    let record = try nights.postgres.psql(
      "SELECT action, row_data->>'artist_id' FROM restage.displaced")
    #expect(record == ["overwrite": "overwritten|99999", "keep": "kept|99999"][policy] ?? "")
    let left = try nights.postgres.psql("SELECT artist_id, title FROM public.album")
    #expect(left == (policy == "overwrite" ? "|y" : "99999|x"))
  }

  @Test("an edit that the source overwrites is kept whole in the record")
  func overwritten() async throws {
    let nights = try Nights([Table.numbered("Artist", "ArtistID", "Name")])
    _ = try await nights.load(["Artist": [["1", "a"], ["2", "b"]]])
    try nights.postgres.psql("UPDATE public.artist SET name = 'edited by hand'")
    let (counts, _) = try await nights.load(["Artist": [["1", "A"], ["2", "b"]]])
    #expect(counts == "artist: 1 overwritten, 1 unchanged, 1 updated")
    let record = try nights.postgres.psql(
      "SELECT source_key, reason, action, row_data->>'name' FROM restage.displaced")
    #expect(record == "{\"source_artist_id\": 1}|edited|overwritten|edited by hand")
  }
}
