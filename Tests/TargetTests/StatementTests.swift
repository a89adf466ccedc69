import Foundation
import Target
import TestSupport
import Testing

@Suite struct StatementTests {
  let database: TestPostgres

  init() throws { database = try TestPostgres() }

  func open(_ settings: [(String, String)] = []) async throws -> TargetConnection {
    try await TargetConnection.open(database.uri, settings: settings)
  }

  @Test("a text of several statements gives one result for each")
  func severalStatements() async throws {
    let connection = try await open()
    let results = try await connection.execute(
      """
      CREATE TABLE public.t (a integer, b text);
      INSERT INTO public.t VALUES (1, 'x'), (2, NULL), (3, '');
      SELECT a, b FROM public.t ORDER BY a;
      """)
    #expect(results.map(\.command) == ["CREATE TABLE", "INSERT 0 3", "SELECT 3"])
    #expect(results.map(\.rowCount) == [0, 3, 3])
    #expect(results[2].columns == ["a", "b"])
    #expect(results[2].rows == [["1", "x"], ["2", nil], ["3", ""]])
    #expect(results[2].first("b") == "x")
    #expect(results[2].values(of: "b") == ["x", nil, ""])
    #expect(results[2].first("c") == nil)
  }

  @Test("an empty text is no error")
  func emptyText() async throws {
    #expect(try await open().execute("-- nothing\n").map(\.command) == [""])
  }

  @Test("parameters arrive byte for byte, NULL and the empty string apart")
  func parameters() async throws {
    let texts = ["", "'", "\\", "a\tb\nc", "ÑandÚ 宽 🎵", nil]
    let connection = try await open()
    for text in texts {
      let row = try await connection.query("SELECT $1::text AS t, $2::int4 AS n", [text, "42"])
      #expect(row.rows == [[text, "42"]])
    }
  }

  @Test("text with a NUL byte is refused, not cut")
  func nulBytes() async throws {
    let connection = try await open()
    await #expect(throws: TargetError.self) { try await connection.execute("SELECT 1\0; SELECT 2") }
    await #expect(throws: TargetError.self) {
      try await connection.query("SELECT $1::text", ["a\0b"])
    }
    #expect(try await connection.query("SELECT 1 AS one").first("one") == "1")
  }

  @Test("a session has the settings of the CSV rule, whatever the database's defaults are")
  func pinnedSettings() async throws {
    try database.psql(
      """
      DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET datestyle = ''German''', current_database());
      EXECUTE format('ALTER DATABASE %I SET timezone = ''Asia/Tokyo''', current_database());
      EXECUTE format('ALTER DATABASE %I SET bytea_output = ''escape''', current_database());
      EXECUTE format('ALTER DATABASE %I SET statement_timeout = ''1min''', current_database());
      EXECUTE format('ALTER DATABASE %I SET extra_float_digits = ''0''', current_database()); END $$
      """)
    let connection = try await open([("lock_timeout", "5s"), ("restage.run_id", "r1")])
    let row = try await connection.query(
      """
      SELECT '2024-02-29 12:30+00'::timestamptz AS t, '\\x00ff'::bytea AS b,
        0.1::float8 + 0.2::float8 AS f, '1 day 2 hours'::interval AS i,
        current_setting('search_path') AS p, current_setting('statement_timeout') AS s,
        current_setting('lock_timeout') AS l, current_setting('restage.run_id') AS r,
        current_setting('row_security') AS w, current_setting('application_name') AS a
      """)
    #expect(
      row.rows == [
        [
          "2024-02-29 12:30:00+00", "\\x00ff", "0.30000000000000004", "1 day 02:00:00",
          "pg_catalog", "0", "5s", "r1", "off", "restage",
        ]
      ])
    #expect(connection.serverVersion >= 130_000)
    #expect(connection.backendPID > 0)
  }

  @Test("a commit is on disk when it is answered; a stricter setting stays")
  func durableCommits() async throws {
    let setting = "SELECT current_setting('synchronous_commit') AS s"
    // The throwaway server's own setting is off.
    #expect(try database.psql(setting) == "off")
    #expect(try await open().query(setting).first("s") == "on")
    #expect(
      try await TargetConnection.open(
        database.uri + "&options=-c%20synchronous_commit%3Dremote_apply"
      ).query(setting).first("s") == "remote_apply")
  }

  @Test("types of pg_catalog and the cleaned search path go together")
  func catalogTypes() async throws {
    let row = try await open().query(
      """
      SELECT '<a/><b/>'::xml AS x, '6F9619FF-8B86-D011-B42D-00C04FC964FF'::uuid AS u,
        gen_random_uuid() IS NOT NULL AS g, md5('')::uuid AS m, '{"a":1}'::jsonb AS j
      """)
    #expect(row.first("x") == "<a/><b/>")
    #expect(row.first("u") == "6f9619ff-8b86-d011-b42d-00c04fc964ff")
  }

  @Test("an error names the file and the line the server points at")
  func errorLines() async throws {
    let connection = try await open()
    let error = try await failure {
      try await connection.execute(
        "SELECT 'é\n宽';\n-- 40 insert\nSELECT nope\nFROM pg_class;\n", file: "merge/40_insert.sql")
    }
    #expect(error.code == .sql)
    #expect(error.sqlstate == "42703")
    #expect(error.line == 4)
    #expect(
      error.description
        == #"merge/40_insert.sql, line 4: [42703] column "nope" does not exist"#)
  }

  @Test("an error without a position names the statement")
  func errorStatement() async throws {
    let connection = try await open()
    let error = try await failure {
      try await connection.execute("SELECT 1; SELECT 1/0; SELECT 2", file: "x.sql")
    }
    #expect(error.code == .badValue)
    #expect(error.description == "x.sql, statement 2: [22012] division by zero")
  }

  @Test("values of rows stay out of the description of an error")
  func privateValues() async throws {
    let connection = try await open()
    try await connection.execute(
      "CREATE TABLE public.t (a text PRIMARY KEY, n integer CONSTRAINT small CHECK (n < 10))")
    try await connection.execute("INSERT INTO public.t VALUES ('secret-key', 1)")
    let unique = try await failure {
      try await connection.execute("INSERT INTO public.t VALUES ('secret-key', 2)")
    }
    #expect(unique.code == .constraint)
    #expect(unique.constraint == "t_pkey")
    #expect(!unique.description.contains("secret-key"))
    #expect(unique.debugDescription.contains("secret-key"))

    let cast = try await failure {
      try await connection.query("SELECT $1::integer", ["secret-number"])
    }
    #expect(cast.code == .badValue)
    #expect(!cast.description.contains("secret-number"))
    #expect(cast.description.contains("invalid input syntax for type integer"))
    #expect(cast.debugDescription.contains("secret-number"))
  }

  @Test("errors of our own SQL, of privileges, locks and conflicts have codes of their own")
  func codes() async throws {
    let connection = try await open([("lock_timeout", "50ms")])
    let raised = try await failure {
      try await connection.execute(
        "DO $$ BEGIN RAISE EXCEPTION 'not accounted' USING ERRCODE = 'RS090'; END $$")
    }
    #expect(raised.code == .raised)
    #expect(raised.description == "statement 1: [RS090] not accounted")

    let roleName = "role_\(UUID().uuidString.prefix(8).lowercased())"
    try database.psql("CREATE TABLE public.t (a int); CREATE ROLE \(roleName) NOLOGIN")
    let privilege = try await failure {
      try await connection.execute("SET ROLE \(roleName); SELECT a FROM public.t")
    }
    #expect(privilege.code == .privilege)
    try await connection.execute("RESET ROLE")

    let other = try await open()
    try await other.execute("BEGIN; LOCK TABLE public.t")
    let locked = try await failure { try await connection.execute("SELECT a FROM public.t") }
    #expect(locked.code == .lockTimeout)
    await other.rollback()
    try await connection.execute("SELECT a FROM public.t")
  }

  @Test("COPY that should not be there leaves the connection usable")
  func misplacedCopy() async throws {
    let connection = try await open()
    for text in [
      "COPY pg_catalog.pg_class FROM STDIN", "COPY (SELECT 1) TO STDOUT",
      "CREATE TABLE public.c (a int); COPY public.c FROM STDIN",
    ] {
      let error = try await failure { try await connection.execute(text) }
      #expect(error.code == .sql || error.code == .privilege, "\(error)")
    }
    #expect(try await connection.query("SELECT 1 AS one").first("one") == "1")
  }

  @Test("notices are kept until they are taken")
  func notices() async throws {
    let connection = try await open()
    _ = await connection.takeNotices()
    try await connection.execute(
      "DO $$ BEGIN FOR i IN 1..1003 LOOP RAISE NOTICE 'row %', i; END LOOP; END $$")
    let notices = await connection.takeNotices()
    #expect(notices.count == 1_001)
    #expect(notices.first?.message == "row 1")
    #expect(notices.first?.severity == "NOTICE")
    #expect(notices.last?.message == "3 more notices")
    #expect(await connection.takeNotices().isEmpty)
  }
}

/// The error that `body` throws; the test fails where it throws none or another.
func failure<Value>(
  _ body: () async throws -> Value, _ location: SourceLocation = #_sourceLocation
) async throws -> TargetError {
  try await #require(throws: TargetError.self, sourceLocation: location) { _ = try await body() }
}
