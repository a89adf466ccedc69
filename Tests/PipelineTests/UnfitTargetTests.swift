// What a target can be like that keeps a load from being done: each is said in words, with its own
// exit code and nothing changed.

import Foundation
import TestSupport
import Testing

@Suite("Targets that cannot be loaded")
struct UnfitTargetTests {
  private let source: SmallSource
  private let snapshot: String
  private let target: TestPostgres

  init() throws {
    source = try SmallSource()
    target = try TestPostgres()
    snapshot = try source.snapshot("1", of: "s", SmallTable("dbo", "T", [[1, 11], [2, 12]]))
  }

  private func expect(
    _ ran: Shell.Outcome, _ status: Int32, naming words: String...,
    at line: SourceLocation = #_sourceLocation
  ) {
    #expect(ran.status == status, "\(ran.output)\(ran.errors)", sourceLocation: line)
    for word in words {
      #expect(ran.errors.contains(word), "\(word) in \(ran.errors)", sourceLocation: line)
    }
  }

  @Test("64: a database that is not UTF-8", arguments: ["LATIN1", "SQL_ASCII"])
  func encoding(name: String) throws {
    let database = "test_\(name.lowercased())"
    try target.psql(
      """
      CREATE DATABASE \(database) ENCODING '\(name)' LOCALE 'C' TEMPLATE template0
      """)
    let uri = try #require(target.uri.firstMatch(of: /^(.*)\/test_[0-9]+(\?.*)$/)).output
    let other = "\(uri.1)/\(database)\(uri.2)"
    let load = try RestageTool.run(["load", snapshot, "--target", other])
    expect(load, 64, naming: name, "ENCODING 'UTF8'")
    let doctor = try RestageTool.run(["doctor", "--target", other])
    #expect(doctor.status == 64)
    #expect(doctor.output.contains(name), "\(doctor.output)")
  }

  @Test("77: a server that takes no writes", arguments: [false, true])
  func readOnly(isLoaded: Bool) throws {
    if isLoaded { expect(try target.load(snapshot), 0) }
    try target.psql(
      """
      DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database());
      END $$
      """)
    expect(try target.load(snapshot), 77, naming: "read-only", "standby")
    #expect(try RestageTool.run(["doctor", "--target", target.uri]).status == 77)
    if isLoaded { #expect(try target.verify(snapshot).status == 0) }
  }

  @Test("64: collations are needed and the server has no ICU")
  func noICU() throws {
    // As the server would be that was built without it: no ICU collation is known.
    try target.psql("DELETE FROM pg_collation WHERE collprovider = 'i'")
    expect(try target.load(snapshot), 0)
    let folder = try TemporaryFolder()
    guard SharedData.isThere else { return }
    let exported = "\(folder.path)/pubs"
    _ = try RestageTool.run(
      ["export", try SharedData.path("bak/northwind-2005.bak"), "--into", exported, "--quiet"])
    expect(try target.load(exported), 64, naming: "ICU")
  }

  @Test(
    "76: a final table that no row can be inserted into as planned",
    arguments: [
      ("ALTER TABLE public.t ALTER id DROP IDENTITY", "identity"),
      ("ALTER TABLE public.t ALTER id SET GENERATED ALWAYS", "GENERATED ALWAYS"),
      ("ALTER SEQUENCE public.t_id_seq RENAME TO other", "public.t_id_seq"),
      ("CREATE RULE r AS ON INSERT TO public.t DO INSTEAD NOTHING", "rule r"),
      (
        """
        ALTER TABLE public.t DROP v;
        ALTER TABLE public.t ADD v integer GENERATED ALWAYS AS (id * 2) STORED
        """, "generated"
      ),
      ("ALTER TABLE public.t RENAME TO u; CREATE VIEW public.t AS SELECT * FROM public.u", "view"),
    ])
  func unfitTable(change: String, word: String) throws {
    expect(try target.load(snapshot), 0)
    try target.psql(change)
    expect(try target.load(snapshot), 76, naming: "public.t", word)
  }

  @Test("76: something else has the name of an index of the plan")
  func takenName() throws {
    try target.psql("CREATE TABLE public.pk_t (id integer)")
    expect(try target.load(snapshot), 76, naming: "pk_t", "rename")
    #expect(try target.psql("SELECT to_regclass('public.t') IS NULL") == "t")
  }

  @Test("65: rows that were deleted in the target are not called unchanged")
  func lostRows() throws {
    var child = SmallTable("dbo", "Note", [[1, 1], [1, 1], [2, 2]])
    child.key = []
    child.hasIdentity = false
    let two = try source.snapshot(
      "2", of: "s", SmallTable("dbo", "T", [[1, 11], [2, 12], [3, 13]]), child)
    expect(try target.load(two), 0)
    try target.psql("DELETE FROM public.t WHERE v = 12; TRUNCATE public.note")
    expect(
      try target.load(two), 65, naming: "public.t", "1 row", "public.note", "3 rows", "verify")
    // What the advice leads to: the key map forgets them, and they are loaded again.
    try target.psql(
      """
      DELETE FROM restage_keymap.s_public_t AS k
      WHERE NOT EXISTS (SELECT FROM public.t AS t WHERE t.id = k.target_key);
      TRUNCATE restage_keymap.s_public_note
      """)
    expect(try target.load(two), 0)
    #expect(try target.verify(two).status == 0)
  }

  @Test(
    "65: a trigger that leaves rows out is named",
    arguments: [
      "BEFORE INSERT ON public.t FOR EACH ROW", "BEFORE UPDATE ON public.t FOR EACH ROW",
    ])
  func droppingTrigger(moment: String) throws {
    expect(try target.load(snapshot), 0)
    try target.psql(
      """
      CREATE FUNCTION public.drop_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE FUNCTION public.pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
      CREATE TRIGGER "No rows" \(moment) EXECUTE FUNCTION public.drop_row();
      CREATE TRIGGER innocent AFTER INSERT OR UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION public.pass();
      CREATE TRIGGER switched_off BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.pass();
      ALTER TABLE public.t DISABLE TRIGGER switched_off;
      """)
    let before = try target.psql("SELECT t.* FROM public.t AS t ORDER BY t.id")
    let next = try source.snapshot(
      "2", of: "s", SmallTable("dbo", "T", [[1, 11], [2, 99], [3, 13]]))
    let ran = try target.load(next)
    expect(ran, 65, naming: "public.t", "triggers that leave rows out; the table has: \"No rows\".")
    #expect(try target.psql("SELECT t.* FROM public.t AS t ORDER BY t.id") == before)
  }

  @Test("65: a function of a trigger that raises an error is named")
  func raisingTrigger() throws {
    expect(try target.load(snapshot), 0)
    try target.psql(
      """
      CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION ''not on Sundays''; END';
      CREATE TRIGGER refuse BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.refuse();
      """)
    let before = try target.psql("SELECT t.* FROM public.t AS t ORDER BY t.id")
    let next = try source.snapshot(
      "2", of: "s", SmallTable("dbo", "T", [[1, 11], [2, 99], [3, 13]]))
    let ran = try target.load(next)
    expect(
      ran, 65, naming: "40_insert.sql", "not on Sundays", "function public.refuse() of the target")
    #expect(try target.psql("SELECT t.* FROM public.t AS t ORDER BY t.id") == before)
  }

  @Test("a row that vanished from the source may be gone from the target")
  func vanishedRows() throws {
    let two = try source.snapshot("2", of: "s", SmallTable("dbo", "T", [[1, 11]]))
    expect(try target.load(snapshot), 0)
    expect(try target.load(two), 0)
    try target.psql("DELETE FROM public.t WHERE v = 12")
    expect(try target.load(two), 0)
  }

  @Test("73: an answer that cannot be written", arguments: [">/dev/full", ">&-"])
  func lostOutput(redirection: String) throws {
    let commands = [
      "load '\(snapshot)' --target '\(target.uri)'",
      "verify '\(snapshot)' --target '\(target.uri)'",
      "status --target '\(target.uri)'", "install --print", "plan --help",
    ]
    for command in commands {
      let ran = try Shell.run("bash", ["-c", "'\(RestageTool.path)' \(command) \(redirection)"])
      expect(ran, 73, naming: "stdout")
    }
    #expect(try target.psql("SELECT count(*) FROM public.t") == "2")
    let piped = try Shell.run(
      "bash",
      [
        "-c",
        "'\(RestageTool.path)' status --target '\(target.uri)' | true; echo ${PIPESTATUS[0]}",
      ])
    #expect(piped.output == "0\n", "a reader that goes away is no error")
  }
}
