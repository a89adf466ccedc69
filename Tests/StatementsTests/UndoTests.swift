// A run is taken back: afterwards the target is what it was before the run, in every situation.

import Catalog
import Foundation
import Statements
import TestSupport
import Testing

@Suite("Every night of every situation, taken back on PostgreSQL")
struct UndoTests {
  @Test(
    "a night that is taken back leaves no trace, and loaded again it comes out the same",
    arguments: Situation.all)
  func nights(_ situation: Situation) throws {
    let target = try Target(situation.database.keepingBefore)
    try target.postgres.psql(Merge.keyMapFile(for: target.database).text)
    var undone: [(run: String, before: String)] = []
    for (number, night) in situation.nights.enumerated() {
      let title = "\(situation.name), night \(number + 1)"
      if !night.before.isEmpty { try target.postgres.psql(night.before) }
      guard !night.fails else { continue }
      let before = try target.state()
      try target.load(night.rows)
      guard !night.expected.contains(" deleted") else {
        try expectRefusal(of: target, naming: "were deleted and are not put back", title)
        continue
      }
      guard !night.rekeys else {
        try expectRefusal(
          of: target, naming: "are known by another key of the source since the run", title)
        continue
      }
      let run = try target.lastRun()
      let after = try target.state().replacingOccurrences(of: run, with: "this run")
      try target.takeBack(run)
      #expect(try target.state() == before, "\(title): taken back")

      try checkAgain(night, on: target, title)
      let again = try target.lastRun()
      undone.append((again, before))
      guard target.database.tables.allSatisfy({ $0.surrogate == nil && $0.markColumn == nil })
      else { continue }
      #expect(
        try target.state().replacingOccurrences(of: again, with: "this run") == after,
        "\(title): loaded again, rows")
    }
    // All of them, the last one first, where nobody but restage wrote in between.
    guard undone.count == situation.nights.count(where: { !$0.fails }),
      situation.nights.allSatisfy(\.before.isEmpty)
    else { return }
    for (run, before) in undone.reversed() {
      try target.takeBack(run)
      #expect(try target.state() == before, "\(situation.name): taken back in the end")
    }
    #expect(try target.postgres.psql("SELECT count(*) FROM restage.before_image") == "0")
  }

  private func checkAgain(_ night: Situation.Night, on target: Target, _ title: String) throws {
    let again = try target.load(night.rows)
    #expect(again.counts == night.expected, "\(title): loaded again")
    for (index, table) in target.database.tables.enumerated() where night.isProven {
      guard let staged = night.rows[table.source.name] else { continue }
      let rows = night.content[table.source.name] ?? staged
      #expect(
        again.content(of: index) == (rows.isEmpty ? [""] : rows.sorted()),
        "\(title): content of \(table.source)")
    }
  }

  private func expectRefusal(of target: Target, naming words: String, _ title: String) throws {
    let state = try target.state()
    let error = #expect(throws: ShellFailure.self) { try target.takeBack(try target.lastRun()) }
    #expect(
      error?.description.contains("ERROR:  RS006: ") == true
        && error?.description.contains(words) == true,
      "\(title): \(error?.description ?? "")")
    #expect(try target.state() == state, "\(title): a refusal leaves everything as it is")
  }

  @Test(
    "without before images, a night that updated rows is refused",
    arguments: Situation.all.filter { $0.nights.contains { $0.expected.contains(" updated") } })
  func withoutImages(_ situation: Situation) throws {
    let target = try Target(situation.database)
    for night in situation.nights {
      if !night.before.isEmpty { try target.postgres.psql(night.before) }
      guard !night.fails else { continue }
      try target.load(night.rows)
      guard night.expected.contains(" updated") else { continue }
      try expectRefusal(
        of: target, naming: "were updated and not kept as they were before", situation.name)
      return
    }
  }

  @Test("no superuser, no disabled trigger, no session_replication_role")
  func noTricks() {
    for situation in Situation.all {
      for file in Undo.files(for: situation.database.keepingBefore) {
        #expect(!file.text.contains("session_replication_role"), "\(file.path)")
        #expect(!file.text.contains("DISABLE"), "\(file.path)")
        #expect(!file.text.contains("TRUNCATE"), "\(file.path)")
      }
    }
  }
}

@Suite("What keeps a run from being taken back")
struct UndoConflictTests {
  private static let tables = [
    TestTable("Artist", [column("ArtistId", "int"), column("Name", "nvarchar(40)", .null)])
      .surrogate("ArtistId"),
    TestTable(
      "Album",
      [column("AlbumId", "int"), column("Title", "nvarchar(40)"), column("ArtistId", "int")]
    ).surrogate("AlbumId").link("ArtistId", to: "Artist", "ArtistId"),
    TestTable("Line", [column("Text", "varchar(20)", .null)]),
  ]

  private static let rows = [
    "Artist": ["10,AC/DC", "20,Accept"], "Album": ["7,Restless,20", "8,Loud,10"],
    "Line": ["a", "a", "b"],
  ]

  private func loaded(_ nights: [String: [String]]...) throws -> Target {
    let target = try Target(MappedDatabase.of(Self.tables).keepingBefore)
    for night in nights { try target.load(night) }
    return target
  }

  private func expectRefusal(
    _ target: Target, of run: String, naming words: String..., options: String = ""
  ) throws {
    let state = try target.state()
    let error = #expect(throws: ShellFailure.self) { try target.takeBack(run, options: options) }
    let text = error?.description ?? ""
    #expect(text.contains("ERROR:  RS006: "), "\(text)")
    for word in words { #expect(text.contains(word), "\(text)") }
    #expect(try target.state() == state)
  }

  @Test("rows of a later run of ours refer to its rows: that one has to go first")
  func laterRunRefers() throws {
    let target = try loaded(["Artist": Self.rows["Artist"] ?? []])
    let first = try target.lastRun()
    try target.load(["Album": ["7,Restless,20"]])
    let second = try target.lastRun()
    try expectRefusal(
      target, of: first,
      naming: "1 rows of public.album (album_artistid_fkey) refer to rows of public.artist")
    try target.takeBack(second)
    try target.takeBack(first)
    #expect(try target.postgres.psql("SELECT count(*) FROM public.artist") == "0")
  }

  @Test("a later run wrote or marked its rows")
  func laterRunWrote() throws {
    let target = try loaded(Self.rows)
    let first = try target.lastRun()
    try target.load(["Artist": ["10,ac/dc", "20,Accept"]])
    try expectRefusal(target, of: first, naming: "1 rows of public.artist were written or marked")
    let marked = try loaded(Self.rows)
    let run = try marked.lastRun()
    try marked.load(["Line": ["a", "b"]])
    try expectRefusal(marked, of: run, naming: "1 rows of public.line were written or marked")
  }

  @Test("equal rows of a table without a key: those of a later run count on those before")
  func laterEqualRow() throws {
    let target = try loaded(["Line": ["a"]])
    let first = try target.lastRun()
    try target.load(["Line": ["a", "a"]])
    try expectRefusal(target, of: first, naming: "1 rows of public.line were written or marked")
  }

  @Test("tables of an application refer to its rows, whatever their constraint does on delete")
  func applicationRefers() throws {
    let target = try loaded(Self.rows)
    let run = try target.lastRun()
    try target.postgres.psql(
      """
      CREATE SCHEMA app;
      CREATE TABLE app."Fan mail" (
        fan integer, letter integer, artist integer REFERENCES public.artist (artistid) ON DELETE CASCADE,
        PRIMARY KEY (fan, letter));
      CREATE TABLE app.poster (artist integer REFERENCES public.artist (artistid) ON DELETE SET NULL);
      INSERT INTO app."Fan mail" SELECT 1, n, min(artistid) FROM public.artist, generate_series(1, 25) AS n GROUP BY n;
      INSERT INTO app.poster SELECT max(artistid) FROM public.artist;
      """)
    try expectRefusal(
      target, of: run, naming: "25 rows of app.\"Fan mail\" (\"Fan mail_artist_fkey\") refer",
      "1 rows of app.poster", options: ", force => true")
    let listed = try target.conflicts(of: run)
    #expect(
      listed.contains(
        #"referenced|public.artist|app."Fan mail" ("Fan mail_artist_fkey")|25|20|{"fan": 1, "letter": 1}"#
      ), "\(listed)")
    #expect(
      listed.contains("referenced|public.artist|app.poster (poster_artist_fkey)|1|1|row at (0,1)"),
      "\(listed)")
    try target.postgres.psql("DELETE FROM app.\"Fan mail\"; DELETE FROM app.poster;")
    try target.takeBack(run)
    #expect(try target.postgres.psql("SELECT count(*) FROM public.artist") == "0")
  }

  @Test("rows that an application changed are listed, and go only if forced")
  func edited() throws {
    let target = try loaded(Self.rows)
    let run = try target.lastRun()
    try target.postgres.psql("UPDATE public.album SET title = 'Louder' WHERE title = 'Loud'")
    try expectRefusal(target, of: run, naming: "1 rows of public.album were changed in the target")
    let listed = try target.conflicts(of: run)
    #expect(listed.contains(#"edited|public.album||1|1|{"AlbumId": 8}"#), "\(listed)")
    try target.takeBack(run, options: ", force => true")
    #expect(try target.postgres.psql("SELECT count(*) FROM public.album") == "0")
  }

  @Test("an application made another row the parent: keys mapped back differ")
  func editedKey() throws {
    let target = try loaded(Self.rows)
    let run = try target.lastRun()
    try target.postgres.psql(
      "UPDATE public.album SET artistid = (SELECT max(artistid) FROM public.artist)")
    try expectRefusal(target, of: run, naming: "1 rows of public.album were changed in the target")
  }

  @Test("of a table without a key, a row that was changed stays, and only if forced")
  func editedWholeRow() throws {
    let target = try loaded(Self.rows)
    let run = try target.lastRun()
    try target.postgres.psql("UPDATE public.line SET text = 'c' WHERE text = 'b'")
    try expectRefusal(target, of: run, naming: "1 rows of public.line were changed in the target")
    try target.takeBack(run, options: ", force => true")
    #expect(try target.postgres.psql("SELECT text FROM public.line") == "c")
    #expect(try target.count("missing", of: "public.line") == "1")
  }

  @Test("rows that an application deleted are counted and no obstacle")
  func deleted() throws {
    let target = try loaded(Self.rows)
    let run = try target.lastRun()
    try target.postgres.psql("DELETE FROM public.album WHERE title = 'Loud'")
    try target.takeBack(run)
    #expect(try target.count("missing", of: "public.album") == "1")
    #expect(try target.count("deleted", of: "public.album") == "1")
    #expect(try target.count("forgotten", of: "public.album") == "2")
  }

  @Test("rows of other runs and of the application stay")
  func othersStay() throws {
    let target = try loaded(["Line": ["a"], "Artist": ["10,AC/DC"]])
    try target.postgres.psql(
      "INSERT INTO public.line VALUES ('b'), ('x'); INSERT INTO public.artist (name) VALUES ('ours')"
    )
    let before = try target.state()
    try target.load(["Line": ["a", "a", "b"], "Artist": ["10,AC/DC", "20,Accept"]])
    try target.takeBack(try target.lastRun())
    #expect(try target.state() == before)
  }

  @Test("another source's key map knows the row too")
  func otherSource() throws {
    let target = try loaded(["Artist": ["10,AC/DC"]])
    let run = try target.lastRun()
    try target.postgres.psql(
      """
      CREATE TABLE restage_keymap.other_artist AS
        SELECT k.* FROM restage_keymap.artist AS k;
      INSERT INTO restage.table_map VALUES
        ('other', 'dbo', 'Artist', 'public', 'artist', 'restage_stage.other_artist', 'restage_keymap.other_artist', 'remap');
      """)
    try expectRefusal(
      target, of: run, naming: "1 rows of public.artist belong to source other as well")
  }

  @Test("only a load that succeeded can be taken back, and only once")
  func states() throws {
    let target = try loaded(Self.rows)
    let run = try target.lastRun()
    try target.takeBack(run)
    for (undone, problem) in [
      (run, "it is rolled back already"),
      (try target.lastRun(), "it is a rollback, not a load"),
      ("00000000-0000-4000-8000-000000000000", "there is no such run"),
    ] {
      let error = #expect(throws: ShellFailure.self) { try target.takeBack(undone) }
      #expect(error?.description.contains("RS005: ") == true)
      #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
    }
  }

  @Test("with inserts_only, updates stay and the key map knows them")
  func insertsOnly() throws {
    let target = try loaded(["Artist": ["10,AC/DC"]])
    try target.load(["Artist": ["10,ac/dc", "20,Accept"]])
    try target.takeBack(try target.lastRun(), options: ", inserts_only => true")
    #expect(try target.postgres.psql("SELECT name FROM public.artist") == "ac/dc")
    let again = try target.load(["Artist": ["10,ac/dc"]])
    #expect(again.counts == "artist: 1 unchanged")
  }

  @Test("columns that the mapping adds become what they were, whatever their type and name")
  func addedColumns() throws {
    let artist = Self.tables[0]
      .adding("size", "numeric(8,2)", "length(name) + 0.50")
      .adding("short \"name\"", "character(6)", "left(name, 2)")
      .adding("loaded at", "timestamptz", "clock_timestamp()")
      .adding("maybe", "text", "nullif(name, 'AC/DC')")
    let target = try Target(MappedDatabase.of([artist]).keepingBefore)
    try target.load(["Artist": ["10,AC/DC", "20,Accept"]])
    let before = try target.state()
    try target.load(["Artist": ["10,Aerosmith", "20,Accept", "30,Abba"]])
    #expect(try target.state() != before)
    #expect(try target.count("updated", of: "public.artist") == "1")
    try target.takeBack(try target.lastRun())
    #expect(try target.state() == before)
  }

  @Test("columns that an application added, and one it widened, come through a restore")
  func alteredTable() throws {
    let target = try loaded(["Artist": ["10,AC/DC"]])
    let long = String(repeating: "x", count: 60)
    try target.postgres.psql(
      """
      ALTER TABLE public.artist ADD COLUMN fans integer DEFAULT 7;
      ALTER TABLE public.artist ALTER COLUMN name TYPE text;
      UPDATE public.artist SET name = '\(long)';
      """)
    try target.load(["Artist": ["10,ac/dc"]])
    try target.takeBack(try target.lastRun())
    #expect(try target.postgres.psql("SELECT name, fans FROM public.artist") == "\(long)|7")
  }
}

@Suite("Rows come back with every type as it was")
struct BeforeImageTests {
  /// What a source cannot hold and an application may have written.
  private static let edges = """
    UPDATE public.value
    SET single = 'NaN', double = '-Infinity', exact = 1234567890123456789012345678.0000000001,
      day = 'infinity', moment = '-infinity', clock = '24:00:00', fixed = ' a',
      bytes = '\\x5c22272c0a00ff', markup = '<a>&#xA;"''\\</a>', document = '{"a": [1.50, "\\u00e4\\\\"]}',
      guid = '00000000-0000-0000-0000-000000000000', flag = NULL
    WHERE single IS NOT NULL;
    """

  @Test("values of every type are restored to the bit, NULL and the empty string apart")
  func everyType() throws {
    let situation = Situation.everyType
    for edges in ["", Self.edges] {
      let target = try Target(situation.database.keepingBefore)
      try target.load(situation.nights[0].rows)
      try target.postgres.psql(edges)
      let before = try target.exactRows(of: "public.value")
      let night = situation.nights[1].rows.mapValues { rows in
        rows.map { $0.replacingOccurrences(of: "23:59:59.999", with: "23:59:59.998") }
      }
      let loaded = try target.load(night)
      #expect(loaded.counts.contains("2 updated"))
      #expect(try target.exactRows(of: "public.value") != before)
      try target.takeBack(try target.lastRun())
      #expect(try target.exactRows(of: "public.value") == before)
    }
  }

  @Test("texts that look like NULL, like an array or like SQL")
  func texts() throws {
    let table = TestTable(
      "Text",
      [column("Id", "int"), column("A", "nvarchar(max)", .null), column("B", "varchar(40)", .null)]
    ).key("Id")
    let target = try Target(MappedDatabase.of([table]).keepingBefore)
    try target.load([
      "Text": [
        "1,NULL,", "2,\"\",\"{a,\"\"b\"\"}\"", "3,\"'; DROP TABLE x; --\",\"\\ \"", "4,,  ",
        "5,\"a\nb\tä宽\",$restage$",
      ]
    ])
    let before = try target.exactRows(of: "public.text")
    try target.load(["Text": (1...5).map { "\($0),x,y" }])
    try target.takeBack(try target.lastRun())
    #expect(try target.exactRows(of: "public.text") == before)
  }

  @Test("a type without its length, so that nothing is cut")
  func withoutLength() throws {
    let texts = Undo.files(for: Situation.everyType.database.keepingBefore)
      .filter { $0.step == .restore }.map(\.text).joined()
    for (column, type) in [("exact", "numeric"), ("fixed", "bpchar"), ("clock", "time")] {
      let index = Situation.everyType.tables[1].columns.firstIndex { $0.target == column } ?? 0
      #expect(texts.contains("\(column) = b.row_values[\(index + 1)]::\(type)"), "\(texts)")
    }
  }
}

@Suite("Generated SQL of a rollback, byte for byte")
struct UndoGoldenTests {
  private static let folder = SharedData.packageFolder + "/Tests/Golden/undo"
  static let situations: [Situation] = [
    .identityKey, .compositeKey, .selfReference, .cycleOfTwo, .wholeRow, .orphansOfWholeRows,
    .vanishedMarked, .naturalKeyPreserved,
  ]

  @Test("the files of a rollback are the recorded ones", arguments: situations)
  func files(_ situation: Situation) throws {
    let path = "\(Self.folder)/\(situation.name).sql"
    let text = Undo.files(for: situation.database.keepingBefore)
      .map { "-- file:    \($0.path)\n\($0.text)\n" }.joined()
    guard ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != "1" else {
      try FileManager.default.createDirectory(
        atPath: Self.folder, withIntermediateDirectories: true)
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      Issue.record("\(situation.name): recorded anew; run without UPDATE_GOLDEN")
      return
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
  }

  @Test("the header's hash is that of the body", arguments: Situation.all)
  func headers(_ situation: Situation) {
    for file in Undo.files(for: situation.database.keepingBefore) {
      let parts = file.text.split(separator: "\n\n", maxSplits: 1)
      let stated = parts[0].split(separator: "\n").first { $0.hasPrefix("-- body:") }
      #expect(
        stated == "-- body:    sha256:\(SQLFile.sha256(of: String(parts[1])))", "\(file.path)")
      #expect(!file.text.contains(" \n"), "\(file.path) has white space at the end of a line")
    }
  }
}

extension MappedDatabase {
  /// The same with `keep_before: true`.
  fileprivate var keepingBefore: MappedDatabase {
    var copy = self
    for index in copy.tables.indices { copy.tables[index].keepBefore = true }
    return copy
  }
}

extension Target {
  fileprivate func lastRun() throws -> String {
    try postgres.psql(
      "SELECT id FROM restage.run WHERE status <> 'failed' ORDER BY started_at DESC LIMIT 1")
  }

  /// Takes a run back as a person would with psql.
  fileprivate func takeBack(_ run: String, options: String = "") throws {
    let files = Undo.files(for: database).map(\.text).joined()
    try postgres.psql(
      """
      \\set VERBOSITY verbose
      SET client_min_messages = warning;
      SELECT restage.begin_undo('\(run)'\(options));
      BEGIN;
      \(files)
      SELECT restage.finish_run(restage.run_id());
      COMMIT;
      """)
  }

  /// What step 30 lists, one line each: kind, table, cause, rows, keys listed, first key.
  fileprivate func conflicts(of run: String) throws -> String {
    let files = Undo.files(for: database).filter { [.begin, .find].contains($0.step) }
    return try postgres.psql(
      """
      SET client_min_messages = warning;
      SELECT restage.begin_undo('\(run)');
      BEGIN;
      \(files.map(\.text).joined())
      SELECT restage.find_references();
      SELECT kind, table_name, other, rows, cardinality(row_keys), row_keys[1] FROM restage.undo_conflicts();
      ROLLBACK;
      """)
  }

  fileprivate func count(_ kind: String, of table: String) throws -> String {
    try postgres.psql(
      """
      SELECT rows FROM restage.row_count
      WHERE run_id = (SELECT id FROM restage.run ORDER BY started_at DESC LIMIT 1)
        AND kind = '\(kind)' AND table_name = '\(table)'
      """)
  }

  /// Rows by the bytes that PostgreSQL sends of each value in binary.
  fileprivate func exactRows(of table: String) throws -> String {
    try postgres.psql("SELECT t, encode(record_send(t), 'hex') FROM \(table) AS t ORDER BY t::text")
  }

  /// Every row of final tables and key maps, and the registry.
  fileprivate func state() throws -> String {
    let relations =
      database.tables.flatMap { [$0.target.quoted, $0.keyMap.quoted] } + ["restage.table_map"]
    return try postgres.psql(
      relations.map {
        "SELECT \(SQLLiteral.quoted($0));\nSELECT t::text FROM \($0) AS t ORDER BY t::text COLLATE \"C\";"
      }.joined(separator: "\n"))
  }
}
