// Nights on which most chunks are as they were: what is not staged must not make a difference. Each
// night is loaded twice, into a target that skips and into one that stages everything.

import Catalog
import Foundation
import Pipeline
import Report
import TestSupport
import Testing

@Suite("Chunks that an earlier run has loaded", .serialized)
struct SkippedChunkTests {
  private static let tables = [
    Table.numbered("Artist", "ArtistID", "Name"),
    Table.numbered("Album", "AlbumID", "ArtistID", "Title", parents: [("ArtistID", "Artist")]),
  ]

  /// About ten chunks of albums.
  private static let artists: Rows = (1...300).map { ["\($0)", "artist number \($0)"] }
  private static let albums: Rows = (1...2000).map {
    ["\($0 * 10)", "\($0 % 300 + 1)", "album number \($0)"]
  }

  @Test("a night without changes stages nothing and writes nothing")
  func unchanged() async throws {
    let pair = try Pair(Self.tables)
    try await pair.load(Self.artists, Self.albums)
    let before = try pair.traces
    try await pair.load(Self.artists, Self.albums)
    #expect(pair.counts == "album: 2000 skipped; artist: 300 skipped")
    #expect(try pair.traces == before, "a row was written")
    let steps = try pair.skipping.postgres.psql(
      """
      SELECT string_agg(DISTINCT s.operation, ', ' ORDER BY s.operation)
      FROM restage.step AS s
      WHERE s.run_id = (SELECT r.id FROM restage.run AS r ORDER BY r.started_at DESC LIMIT 1)
        AND s.table_name = 'public.album'
      """)
    #expect(steps == "10 stage, 70 reset, 90 account")
    let account = try pair.skipping.postgres.psql(
      """
      SELECT s.rows_affected
      FROM restage.step AS s
      WHERE s.table_name = 'public.album' AND s.operation = '90 account'
      ORDER BY s.id DESC LIMIT 1
      """)
    #expect(account == "2000")
  }

  @Test(
    "a changed row, deleted rows, rows in between, rows at the end, and a chunk's rows all gone")
  func changes() async throws {
    let pair = try Pair(Self.tables)
    try await pair.load(Self.artists, Self.albums)
    var albums = Self.albums
    albums[900][2] = "another title"
    try await pair.load(Self.artists, albums)
    #expect(pair.isSkipping && pair.counts.contains(" 1 updated"))

    albums.removeSubrange(700..<720)
    try await pair.load(Self.artists, albums)
    #expect(pair.isSkipping && pair.counts.contains(" 20 vanished"))

    albums.insert(
      contentsOf: (1...30).map { ["\(4000 * 3 + $0 % 9 + $0 * 10)5", "1", "new"] }, at: 300)
    albums += (1...50).map { ["\(90_000 + $0)", "\($0)", "appended"] }
    try await pair.load(Self.artists, albums)
    #expect(pair.isSkipping && pair.counts.contains(" 80 inserted"))

    albums.removeSubrange(200..<900)
    try await pair.load(Self.artists, albums)
    #expect(pair.isSkipping && pair.counts.contains(" vanished"))

    // They are back as they were.
    try await pair.load(Self.artists, Self.albums)
    #expect(pair.counts.contains(" returned"))
    try await pair.load(Self.artists, Self.albums)
    #expect(pair.counts == "album: 2000 skipped; artist: 300 skipped")
  }

  @Test(
    "a row that vanished from a chunk that is skipped since is back in another one",
    arguments: ["", "on_vanished: delete\nmax_vanished: 100%\n"])
  func backElsewhere(mapping: String) async throws {
    let pair = try Pair(Self.tables, mapping: mapping)
    try await pair.load(Self.artists, Self.albums)
    var albums = Self.albums
    let moving = albums.remove(at: 900)
    try await pair.load(Self.artists, albums)
    #expect(pair.isSkipping && pair.counts.contains(" 1 vanished"))
    // A table without a clustered index gives it another place.
    albums.append(moving)
    try await pair.load(Self.artists, albums)
    #expect(
      pair.isSkipping && pair.counts.contains(mapping.isEmpty ? " 1 returned" : " 1 inserted"))
    try await pair.load(Self.artists, albums)
    #expect(pair.counts == "album: 2000 skipped; artist: 300 skipped")
  }

  @Test("a row that the source has twice, staged and in a skipped chunk, stops the run")
  func twice() async throws {
    let pair = try Pair(Self.tables)
    try await pair.load(Self.artists, Self.albums)
    let error = await #expect(throws: (any Error).self) {
      try await pair.load(Self.artists, Self.albums + [Self.albums[0]])
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains("known from chunks that were not staged"))
  }

  @Test("rows that are to be looked at every night are, until nothing is wrong with them")
  func rejects() async throws {
    let pair = try Pair(Self.tables, mapping: "on_orphan: reject\n")
    var albums = Self.albums
    albums[100][1] = "301"
    try await pair.load(Self.artists, albums)
    try await pair.load(Self.artists, albums)
    #expect(pair.counts == "album: 1 rejected, 1999 unchanged; artist: 300 skipped")
    // The album's chunk is the same, its parent has come.
    try await pair.load(Self.artists + [["301", "late"]], albums)
    #expect(pair.counts.contains("album: 1 inserted, 1999 unchanged"))
    try await pair.load(Self.artists + [["301", "late"]], albums)
    #expect(pair.counts == "album: 2000 skipped; artist: 301 skipped")
  }

  @Test("an album without its artist gets it when it comes")
  func nulled() async throws {
    let pair = try Pair(Self.tables, mapping: "on_orphan: \"null\"\n")
    var albums = Self.albums
    albums[100][1] = "301"
    try await pair.load(Self.artists, albums)
    try await pair.load(Self.artists + [["301", "late"]], albums)
    #expect(pair.counts.contains("1 updated"))
  }

  @Test("changes that are only reported are reported every night")
  func reported() async throws {
    let pair = try Pair(Self.tables, mapping: "on_changed: report\n")
    try await pair.load(Self.artists, Self.albums)
    var albums = Self.albums
    albums[100][2] = "another"
    for _ in 0..<2 {
      try await pair.load(Self.artists, albums, isProven: false)
      #expect(
        pair.counts == "album: 1 changed, 1999 unchanged; artist: 300 skipped"
          || pair.counts.contains("1 changed"))
    }
  }

  @Test("a parent that is found by a value which changed and was ignored is found the night after")
  func ignoredByValue() async throws {
    var album = Table.numbered("Album", "AlbumID", "ArtistName")
    album.foreignKeys = [
      ForeignKey(
        name: "FK_Album_Artist", columns: ["ArtistName"], parent: ObjectName("dbo", "Artist"),
        parentColumns: ["Name"])
    ]
    let nights = try Nights(
      [Table.numbered("Artist", "ArtistID", "Name", unique: [["Name"]]), album],
      mapping: "on_changed: ignore\n")
    for name in ["a", "b", "b"] {
      let (counts, _) = try await nights.load(["Artist": [["1", name]], "Album": [["10", name]]])
      #expect(
        counts
          == (name == "a"
            ? "album: 1 inserted; artist: 1 inserted" : "album: 1 unchanged; artist: 1 unchanged"))
    }
  }

  @Test("an edited row is found when its source row changes")
  func edited() async throws {
    let pair = try Pair(Self.tables)
    try await pair.load(Self.artists, Self.albums)
    try pair.psql("UPDATE public.album SET title = 'mine' WHERE title = 'album number 1000'")
    try await pair.load(Self.artists, Self.albums, isProven: false)
    #expect(pair.counts == "album: 2000 skipped; artist: 300 skipped")
    var albums = Self.albums
    albums[999][2] = "another"
    try await pair.load(Self.artists, albums)
    #expect(pair.isSkipping && pair.counts.contains("1 overwritten"))
  }

  @Test("another mapping, and everything is staged")
  func mapping() async throws {
    let pair = try Pair(Self.tables)
    try await pair.load(Self.artists, Self.albums)
    try await pair.load(Self.artists, Self.albums, mapping: "on_changed: report\n")
    #expect(pair.counts == "album: 2000 unchanged; artist: 300 unchanged")
    try await pair.load(Self.artists, Self.albums, mapping: "on_changed: report\n")
    #expect(pair.counts == "album: 2000 skipped; artist: 300 skipped")
  }

  @Test("rows that the key map was made to forget are loaded again, with the chunks they are in")
  func forgotten() async throws {
    let pair = try Pair(Self.tables)
    try await pair.load(Self.artists, Self.albums)
    try pair.psql(
      """
      DELETE FROM public.album WHERE title = 'album number 1000';
      DELETE FROM restage_keymap.music_public_album AS k
      WHERE NOT EXISTS (SELECT FROM public.album AS t WHERE t.album_id = k.target_key);
      """)
    try await pair.load(Self.artists, Self.albums)
    #expect(pair.isSkipping && pair.counts.contains("1 inserted"))
  }

  @Test("rows that are gone from a final table stop the run, skipped or not")
  func lost() async throws {
    let pair = try Pair(Self.tables)
    try await pair.load(Self.artists, Self.albums)
    try pair.psql("DELETE FROM public.album WHERE title = 'album number 1000'")
    let error = await #expect(throws: (any Error).self) {
      try await pair.load(Self.artists, Self.albums)
    }
    #expect(error.map { ExitStatus(for: $0) } == .differences)
    #expect("\(error.map { "\($0)" } ?? "")".contains("public.album: 1 row"))
  }

  @Test("what is taken for skipped and is not known stops the run, and says what to do")
  func unproven() async throws {
    let pair = try Pair(Self.tables)
    try await pair.load(Self.artists, Self.albums)
    // Behind the back of the count: between it and the merge.
    try pair.psql(
      """
      CREATE FUNCTION public.forget() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        DELETE FROM restage_keymap.music_public_album AS k WHERE k.source_album_id = 10000;
        RETURN NULL;
      END $$;
      CREATE TRIGGER forget AFTER INSERT ON restage.staged FOR EACH ROW
        WHEN (NEW.table_name = 'public.album') EXECUTE FUNCTION public.forget();
      """)
    var albums = Self.albums
    albums[100][2] = "another"
    let error = await #expect(throws: (any Error).self) {
      try await pair.load(Self.artists, albums)
    }
    #expect(error.map { ExitStatus(for: $0) } == .differences)
    #expect("\(error.map { "\($0)" } ?? "")".contains("--all-chunks"))
  }

  @Test("a run that failed, and one that was taken back, are as if they had not been")
  func failedAndTakenBack() async throws {
    let pair = try Pair(Self.tables)
    try await pair.load(Self.artists, Self.albums)
    var albums = Self.albums
    albums[100][1] = "999"
    albums[1500][2] = "another"
    await #expect(throws: (any Error).self) { try await pair.load(Self.artists, albums) }
    albums[100][1] = "1"
    try await pair.load(Self.artists, albums)
    #expect(
      pair.isSkipping && pair.counts.contains("1 updated") || pair.counts.contains("2 updated"))

    albums.append(["99999", "1", "appended"])
    try await pair.load(Self.artists, albums)
    #expect(pair.isSkipping)
    try pair.takeBack()
    try await pair.load(Self.artists, albums)
    #expect(pair.counts == "album: 1 inserted, 2000 unchanged; artist: 300 unchanged")
    try await pair.load(Self.artists, albums)
    #expect(pair.counts == "album: 2001 skipped; artist: 300 skipped")
  }

  @Test("a row that takes the value of one in a skipped chunk is told both rows")
  func uniqueValue() async throws {
    let pair = try Pair([
      Self.tables[0], Table.numbered("Album", "AlbumID", "ArtistID", "Title", unique: [["Title"]]),
    ])
    try await pair.load(Self.artists, Self.albums)
    var albums = Self.albums
    albums[1999][2] = albums[0][2]
    let error = await #expect(throws: (any Error).self) {
      try await pair.load(Self.artists, albums)
    }
    let text = "\(error.map { "\($0)" } ?? "")"
    #expect(text.contains("so has {\"AlbumID\": 10}, in PostgreSQL's eyes"), "\(text)")
  }

  @Test("after a run by hand everything is staged, once")
  func byHand() throws {
    let source = try SmallSource()
    let rows = (1...50).map { [$0, $0 * 3] as [Int?] }
    let first = try source.snapshot("first", of: "S", SmallTable("dbo", "T", rows))
    let second = try source.snapshot("second", of: "S", SmallTable("dbo", "T", rows + [[51, 1]]))
    let target = try TestPostgres()
    func counts() throws -> String {
      try target.psql(
        """
        SELECT string_agg(c.rows || ' ' || c.kind, ', ' ORDER BY c.kind)
        FROM restage.row_count AS c
        WHERE c.run_id = (SELECT r.id FROM restage.run AS r ORDER BY r.started_at DESC LIMIT 1)
          AND c.rows > 0 AND c.kind <> 'allocated'
        """)
    }
    for expected in ["50 inserted", "50 skipped"] {
      #expect(try target.load(first).status == 0)
      #expect(try counts() == expected)
    }
    let plan = "\(source.folder.path)/plan"
    #expect(try RestageTool.run(["plan", second, "--into", plan]).status == 0)
    let script = try Shell.run(
      SharedData.packageFolder + "/scripts/print-load-by-hand", [second, plan, "--again"])
    #expect(script.status == 0, "\(script.errors)")
    try target.psql(script.output)
    #expect(try counts() == "1 inserted, 50 unchanged")
    for expected in ["51 unchanged", "51 skipped"] {
      #expect(try target.load(second).status == 0)
      #expect(try counts() == expected)
    }
    #expect(try target.load(second, "--all-chunks").status == 0)
    #expect(try counts() == "51 unchanged")
    #expect(try target.verify(second).status == 0)
  }

  @Test("nights at random come out as if everything were staged")
  func random() async throws {
    let seed = UInt64(Date().timeIntervalSince1970)
    var random = SeededGenerator(seed: seed)
    for mapping in [
      "on_orphan: reject\n", "on_vanished: delete\nmax_vanished: 100%\non_orphan: \"null\"\n",
    ] {
      let pair = try Pair(Self.tables, mapping: mapping)
      var artists = Self.artists
      var albums = Self.albums
      for night in 0..<8 {
        try await pair.load(
          artists, albums, isProven: night % 3 == 0, "seed \(seed), night \(night)")
        for _ in 0..<Int.random(in: 0...2, using: &random) {
          let place = Int.random(in: albums.indices, using: &random)
          switch Int.random(in: 0..<5, using: &random) {
          case 0: albums[place][2] = "changed \(night)"
          case 1: albums[place][1] = "\(Int.random(in: 1...310, using: &random))"
          case 2: albums.removeSubrange(place..<min(place + 40, albums.count))
          case 3: albums.append(["\(100_000 + night)", "\(night + 1)", "appended"])
          default: artists.append(["\(300 + artists.count)", "artist"])
          }
        }
      }
    }
  }
}

/// A target that skips what it may, and one into which everything is staged.
private final class Pair {
  let skipping: Nights
  let staging: Nights
  private(set) var counts = ""

  init(_ tables: [Table], mapping: String = "") throws {
    skipping = try Nights(tables, mapping: "source: music\n" + mapping)
    staging = try Nights(tables, mapping: "source: music\n" + mapping)
  }

  var isSkipping: Bool { counts.contains(" skipped") && counts.contains("album: ") }

  func psql(_ sql: String) throws {
    try skipping.postgres.psql(sql)
    try staging.postgres.psql(sql)
  }

  func takeBack() throws {
    for nights in [skipping, staging] {
      let outcome = try RestageTool.run(["rollback", "last", "--target", nights.postgres.uri])
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
  }

  /// Loads a night into both and holds them against each other.
  func load(
    _ artists: Rows, _ albums: Rows, isProven: Bool = true, mapping: String? = nil,
    _ title: String = ""
  ) async throws {
    let rows = ["Artist": artists, "Album": albums]
    let mapping = mapping.map { "source: music\n" + $0 }
    let skipped = try await skipping.load(
      rows, options: Load.Options(jobCount: 2), mapping: mapping)
    counts = skipped.counts
    let staged = try await staging.load(
      rows, options: Load.Options(jobCount: 2, stagesAllChunks: true), mapping: mapping)
    #expect(!staged.counts.contains("skipped"))
    #expect(Self.written(skipped.counts) == Self.written(staged.counts), "\(title)")
    #expect(try Self.state(of: skipping) == Self.state(of: staging), "\(title)")
    if isProven { #expect(skipped.verification.isEqual && staged.verification.isEqual, "\(title)") }
    let unplaced = try skipping.postgres.psql(
      "SELECT count(*) FROM restage_keymap.music_public_album WHERE vanished_run IS NULL AND chunk IS NULL"
    )
    #expect(unplaced == "0", "\(title)")
  }

  /// Where every row lies, and which transaction wrote it.
  var traces: String {
    get throws {
      try [
        "public.album", "public.artist", "restage_keymap.music_public_album",
        "restage_keymap.music_public_artist",
      ]
      .map {
        try skipping.postgres.psql(
          "SELECT md5(string_agg(concat_ws(' ', t.ctid, t.xmin), ',' ORDER BY t.ctid)) FROM \($0) AS t"
        )
      }.joined(separator: " ")
    }
  }

  /// What was written, without the rows that were not.
  private static func written(_ counts: String) -> [String] {
    counts.split { $0 == ";" || $0 == "," }.map { $0.trimmingCharacters(in: .whitespaces) }
      .map { $0.replacing("album: ", with: "").replacing("artist: ", with: "") }
      .filter { !$0.hasSuffix("unchanged") && !$0.hasSuffix("skipped") }
  }

  private static func state(of nights: Nights) throws -> String {
    try nights.postgres.psql(
      """
      SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM public.artist AS t;
      SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM public.album AS t;
      SELECT md5(string_agg(concat_ws(' ', k.source_album_id, k.target_key, k.row_hash, k.vanished_run IS NULL), ',' ORDER BY k.source_album_id))
      FROM restage_keymap.music_public_album AS k;
      SELECT md5(string_agg(concat_ws(' ', k.source_artist_id, k.target_key, k.row_hash, k.vanished_run IS NULL), ',' ORDER BY k.source_artist_id))
      FROM restage_keymap.music_public_artist AS k;
      SELECT d.reason, d.action, d.source_key, d.row_data::text FROM restage.displaced AS d ORDER BY d.source_key::text, d.id;
      """)
  }
}
