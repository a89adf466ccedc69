import Catalog
import Foundation
import Pipeline
import Report
import Target
import TestSupport
import Testing

@Suite("The proof of a load")
struct VerifyTests {
  typealias Example = Verification.Example

  @Test("a load is equal on every level", arguments: Verification.Level.allCases)
  func equal(_ level: Verification.Level) async throws {
    let target = try await LoadedTarget()
    let proof = try await target.verify(level)
    #expect(proof.isEqual, "\(proof)")
    #expect(proof.tables.map(\.source) == ["dbo.Artist", "dbo.Album", "dbo.Note"])
    #expect(proof.tables.map(\.snapshotRows) == [4, 4, 6])
    #expect(proof.tables.map(\.targetRows) == [4, 4, 6])
    let knownKeys: Int? = level == .counts ? nil : 4
    #expect(proof.tables[0].knownKeys == knownKeys)
    let orphans: [Int] = level == .counts ? [] : [0]
    #expect(proof.tables[1].orphans.map(\.rows) == orphans)
  }

  @Test("one changed cell is found by content alone, and named with its key and column")
  func changedCell() async throws {
    let target = try await LoadedTarget()
    try target.postgres.psql("UPDATE public.album SET title = 'Black' WHERE title LIKE 'Back%'")
    #expect(try await target.verify(.keys).isEqual)
    let line = try #require(try await target.line("Album"))
    #expect(line.differences == "0 missing, 0 extra, 1 differing")
    #expect(line.examples == [example(.differing, "AlbumID", "10", ["Title"])])
  }

  @Test("a key that leads to another parent is a difference of the child")
  func changedParent() async throws {
    let target = try await LoadedTarget()
    try target.postgres.psql(
      """
      UPDATE public.album SET artist_id = (SELECT target_key FROM \(target.keyMap("Artist")) WHERE
        source_artist_id = 7) WHERE title = 'Powerage'
      """)
    let line = try #require(try await target.line("Album"))
    #expect(line.examples == [example(.differing, "AlbumID", "11", ["ArtistID"])])
  }

  @Test("a parent that the source never had is a difference, also where the source has none")
  func parentOfOthers() async throws {
    let target = try await LoadedTarget(
      albums: Music.albums + [["14", "404", "nobody's"]], onOrphan: .null)
    #expect(try await target.verify().isEqual)
    try target.postgres.psql(
      """
      INSERT INTO public.artist (artist_id, name) VALUES (99999, 'an application''s');
      UPDATE public.album SET artist_id = 99999 WHERE title IN ('Powerage', 'x', 'nobody''s');
      """)
    let line = try #require(try await target.line("Album"))
    #expect(
      line.examples
        == ["11", "13", "14"].map { example(.differing, "AlbumID", $0, ["ArtistID"]) })
  }

  @Test("NULL and the empty string are not the same")
  func nullAndEmpty() async throws {
    let target = try await LoadedTarget()
    try target.postgres.psql(
      """
      UPDATE public.artist SET name = NULL, bio = E'two\\nlines, and a "quote"' WHERE name = '';
      UPDATE public.artist SET bio = NULL WHERE bio = ''
      """)
    let line = try #require(try await target.line("Artist"))
    #expect(line.differences == "0 missing, 0 extra, 2 differing")
    #expect(
      line.examples == [
        example(.differing, "ArtistID", "2", ["Name"]),
        example(.differing, "ArtistID", "3", ["Bio"]),
      ])
  }

  @Test("a missing row shows on every level")
  func missingRow() async throws {
    let target = try await LoadedTarget()
    try target.postgres.psql("DELETE FROM public.album WHERE title = 'x'")
    #expect(try await target.line("Album", .counts)?.missing == 1)
    let keys = try #require(try await target.line("Album", .keys))
    #expect(keys.knownKeys == 4 && keys.presentKeys == 3)
    let line = try #require(try await target.line("Album"))
    #expect(line.differences == "1 missing, 0 extra, 0 differing")
    #expect(line.examples == [example(.missing, "AlbumID", "13")])
    #expect(!line.isEqual)
  }

  @Test("rows of the target that restage never loaded are counted and no difference")
  func foreignRow() async throws {
    let target = try await LoadedTarget()
    try target.postgres.psql(
      """
      INSERT INTO public.artist (artist_id, name) VALUES (99999, 'new');
      INSERT INTO public.note VALUES ('a', 1), ('a', 1), (NULL, NULL), ('other', 7)
      """)
    for level in Verification.Level.allCases {
      let proof = try await target.verify(level)
      #expect(proof.isEqual, "\(proof)")
      #expect(proof.tables.map(\.otherRows) == [1, 0, 4])
    }
  }

  @Test("an extra row")
  func extraRow() async throws {
    let target = try await LoadedTarget()
    try target.postgres.psql(
      """
      INSERT INTO public.artist (artist_id, name) VALUES (99999, 'new');
      INSERT INTO \(target.keyMap("Artist")) SELECT (json_populate_record(k, '{"source_artist_id": 50,
        "target_key": 99999}')).* FROM \(target.keyMap("Artist")) AS k LIMIT 1
      """)
    #expect(try await target.line("Artist", .counts)?.extra == 1)
    let line = try #require(try await target.line("Artist"))
    #expect(line.differences == "0 missing, 1 extra, 0 differing")
    #expect(line.examples == [example(.extra, "ArtistID", "50")])
  }

  @Test("equal rows of a table without a key are counted")
  func duplicates() async throws {
    let target = try await LoadedTarget()
    try target.postgres.psql(
      "DELETE FROM public.note WHERE ctid = (SELECT max(ctid) FROM public.note WHERE text = 'a')")
    let line = try #require(try await target.line("Note"))
    #expect(line.differences == "1 missing, 0 extra, 0 differing")
    #expect(
      line.examples == [
        Example(
          kind: .missing,
          key: [.init(column: "Text", value: "a"), .init(column: "Amount", value: "1")])
      ])
  }

  @Test("rows without their parent are counted by foreign key")
  func orphans() async throws {
    let target = try await LoadedTarget()
    try target.postgres.psql(
      """
      ALTER TABLE public.album DROP CONSTRAINT fk_album_artist;
      DELETE FROM public.artist WHERE name = 'AC/DC'
      """)
    let line = try #require(try await target.line("Album", .keys))
    #expect(line.orphanRows == 2)
    #expect(!line.isEqual)
  }

  @Test("rows that the mapping let go are no differences", arguments: [("reject", 1), ("null", 0)])
  func knownOrphans(policy: String, rejected: Int) async throws {
    let albums = Music.albums + [["14", "404", "nobody's"]]
    let target = try await LoadedTarget(
      albums: albums, onOrphan: policy == "null" ? .null : .reject)
    for level in Verification.Level.allCases {
      let line = try #require(try await target.line("Album", level))
      #expect(line.isEqual, "\(line)")
      #expect(line.snapshotRows == 5)
      #expect(line.rejectedRows == rejected)
      #expect(line.targetRows == 5 - rejected)
      #expect(line.otherRows == 0)
    }
  }

  @Test("a chunk that has changed, or that lost rows, is a problem and no verdict")
  func damagedChunk() async throws {
    let target = try await LoadedTarget()
    let path = try #require(target.chunkPath("Album"))
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.write(contentsOf: Data("9".utf8))
    try handle.close()
    let line = try #require(try await target.line("Album"))
    #expect(!line.isEqual)
    #expect(line.problem?.contains("the hash is") == true, "\(line)")
    try bytes.write(to: URL(fileURLWithPath: path))
    #expect(try await target.verify().isEqual)
  }

  @Test("a table that is gone, and one that was never loaded, do not keep the others from proof")
  func missingTables() async throws {
    let target = try await LoadedTarget()
    try target.postgres.psql(
      "DROP TABLE public.note; DELETE FROM restage.staged AS s WHERE s.table_name = 'public.artist'"
    )
    let proof = try await target.verify()
    #expect(proof.tables.map(\.isEqual) == [false, true, false])
    #expect(proof.tables[0].problem == "no run has loaded this table")
    #expect(proof.tables[2].problem == "final table public.note is not in the target")
  }

  @Test("relations that are gone are named")
  func missingRelations() async throws {
    let target = try await LoadedTarget()
    try target.postgres.psql(
      "DROP TABLE \(target.keyMap("Note")); DROP TABLE public.artist CASCADE")
    let proof = try await target.verify()
    #expect(
      proof.tables.map(\.problem) == [
        "final table public.artist is not in the target",
        "its parent, final table public.artist is not in the target",
        "key map \(target.keyMap("Note")) is not in the target",
      ])
    #expect(try await target.verify(.counts).tables[1].isEqual)
  }

  @Test("random differences are counted right, in one pass and in many", arguments: 1...6)
  func random(seed: UInt64) async throws {
    var random = SeededGenerator(seed: seed)
    let artists: Rows = (1...3_000).map { id in
      ["\(id)", "name \(id % 7)", id.isMultiple(of: 5) ? "line\n\(id)" : nil]
    }
    let notes: Rows = (1...2_000).map { ["n\($0 % 40)", "\($0 % 3)"] }
    let target = try await LoadedTarget(artists: artists, albums: [], notes: notes)
    let touched = (1...3_000).shuffled(using: &random).prefix(
      Int.random(in: 1...1_500, using: &random))
    let changed = touched.prefix(touched.count / 2)
    let deleted = touched.dropFirst(touched.count / 2)
    let notesLost = Int.random(in: 1...1_999, using: &random)
    let keyMap = target.keyMap("Artist")
    func keys(_ ids: ArraySlice<Int>) -> String {
      """
      (SELECT target_key FROM \(keyMap) WHERE source_artist_id = ANY ('{\
      \(ids.map(String.init).joined(separator: ","))}'))
      """
    }
    try target.postgres.psql(
      """
      ALTER TABLE public.album DROP CONSTRAINT fk_album_artist;
      UPDATE public.artist SET name = name || '!' WHERE artist_id IN \(keys(changed));
      DELETE FROM public.artist WHERE artist_id IN \(keys(deleted));
      DELETE FROM public.note WHERE ctid IN (SELECT ctid FROM public.note LIMIT \(notesLost));
      """)
    var limits = VerifyLimits()
    limits.passCountMax = 100_000
    limits.exampleCountMax = 10
    for hashCountMax in [1 << 20, 4_000, 1_600] {
      limits.hashCountMax = hashCountMax
      let artist = try #require(try await target.line("Artist", limits: limits))
      let counts = "\(deleted.count) missing, 0 extra, \(changed.count) differing"
      #expect(artist.differences == counts, "seed \(seed), \(hashCountMax) hashes")
      #expect(artist.examples.count == min(10, touched.count))
      #expect(!artist.isCutShort)
      let note = try #require(try await target.line("Note", limits: limits))
      #expect(note.differences == "\(notesLost) missing, 0 extra, 0 differing", "seed \(seed)")
    }
  }

  @Test("where too much differs the counts are cut short and say so")
  func cutShort() async throws {
    let artists: Rows = (1...2_000).map { ["\($0)", "name", nil] }
    let target = try await LoadedTarget(artists: artists, albums: [])
    try target.postgres.psql("UPDATE public.artist SET name = 'other'")
    var limits = VerifyLimits()
    limits.hashCountMax = 500
    limits.passCountMax = 3
    let line = try #require(try await target.line("Artist", limits: limits))
    #expect(line.isCutShort)
    #expect(!line.isEqual)
    #expect((1...2_000).contains(line.missing + line.extra + line.differing))
    #expect(line.examples.count == 20)
  }

  @Test("a proof can be cancelled")
  func cancelled() async throws {
    let target = try await LoadedTarget()
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await target.verify()
    }
    await #expect(throws: (any Error).self) { try await task.value }
  }

  @Test("a target out of reach is an error, not a difference")
  func unreachable() async throws {
    let target = try await LoadedTarget()
    let verifier = Verifier(snapshot: target.snapshot, database: target.database)
    await #expect(throws: TargetError.self) {
      try await verifier.run(target: "postgresql://u@/db?host=/nowhere")
    }
  }

  @Test("a role that may not read the tables is an error, not a difference")
  func privileges() async throws {
    let target = try await LoadedTarget()
    let role = "reader_\(UUID().uuidString.prefix(8).lowercased())"
    try target.postgres.psql(
      "CREATE ROLE \(role) LOGIN; GRANT USAGE ON SCHEMA restage TO \(role);"
        + "GRANT SELECT ON ALL TABLES IN SCHEMA restage TO \(role)")
    let verifier = Verifier(snapshot: target.snapshot, database: target.database)
    let error = await #expect(throws: TargetError.self) {
      try await verifier.run(target: target.postgres.uri.replacing("restage@", with: "\(role)@"))
    }
    #expect(error?.code == .privilege)
  }

  private func example(
    _ kind: Example.Kind, _ column: String, _ value: String, _ columns: [String] = []
  ) -> Example {
    Example(kind: kind, key: [.init(column: column, value: value)], columns: columns)
  }
}

extension Verification.TableLine {
  var differences: String { "\(missing) missing, \(extra) extra, \(differing) differing" }
}
