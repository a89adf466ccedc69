import Foundation
import Target
import TestSupport
import Testing

@Suite struct CopyTests {
  let database: TestPostgres
  let folder: Folder

  init() throws {
    database = try TestPostgres()
    folder = try Folder()
    try database.psql("CREATE TABLE public.t (a integer, b text)")
  }

  let copyIn = "COPY public.t FROM STDIN WITH (FORMAT csv, ENCODING 'UTF8')"
  let copyOut = "COPY (SELECT a, b FROM public.t ORDER BY a) TO STDOUT WITH (FORMAT csv)"

  /// A billion rows, which the server makes one by one.
  let endless = "COPY (SELECT pg_catalog.generate_series(1, 1000000000)) TO STDOUT"

  func open() async throws -> TargetConnection { try await TargetConnection.open(database.uri) }

  @Test("bytes go in and come out unchanged, over file boundaries and the size of the buffer")
  func awkwardBytes() async throws {
    let first =
      "1,\n2,\"\"\n3,\"a\"\"b\"\n4,\"line\nbreak\"\n5,\"cr\r\"\n6, blank \n" + #"7,\.\#n8,\\#n"#
    let second = "9,ÑandÚ 宽 🎵\n10,\"a,b\"\n11,\(String(repeating: "x", count: 3 << 20))\n"
    let files = [try folder.write(first), try folder.write(""), try folder.write(second)]
    let connection = try await open()
    #expect(try await connection.copyIn(copyIn, files: files) == 11)
    let bytes = try await connection.copyOut(copyOut, into: [UInt8]()) { $0.append(contentsOf: $1) }
    let isEqual = bytes == Array((first + second).utf8)
    #expect(isEqual)
  }

  @Test("each call gets one whole row, whatever line feeds its values hold")
  func wholeRows() async throws {
    try database.psql("INSERT INTO public.t VALUES (1, E'x\\ny'), (2, NULL)")
    let rows = try await open().copyOut(copyOut, into: [String]()) {
      $0.append(String(decoding: $1, as: UTF8.self))
    }
    #expect(rows == ["1,\"x\ny\"\n", "2,\n"])
  }

  @Test("no files and no rows")
  func nothing() async throws {
    let connection = try await open()
    #expect(try await connection.copyIn(copyIn, files: []) == 0)
    #expect(try await connection.copyOut(copyOut, into: 0) { count, _ in count += 1 } == 0)
  }

  @Test("a value that does not fit names the file, the line in it and the column, not the value")
  func errorPlace() async throws {
    let files = [try folder.write("1,\"a\nb\"\n2,x\n"), try folder.write("3,\"\n\n\"\nsecret,y\n")]
    let connection = try await open()
    let error = try await failure { try await connection.copyIn(copyIn, files: files) }
    #expect(error.code == .badValue)
    #expect(error.file == files[1])
    #expect(error.line == 4)
    #expect(error.column == "a")
    #expect(!error.description.contains("secret"))
    #expect(error.debugDescription.contains("secret"))
    #expect(try database.psql("SELECT count(*) FROM public.t") == "0")
  }

  @Test("lines are counted right behind a first row with line breaks of both kinds")
  func firstRowLines() async throws {
    let connection = try await open()
    for row in ["1,a\n", "1,\"a\nb\nc\"\n", "1,\"a\rb\"\n", "1,\"\"\"\r\n\"\"\n\"\n"] {
      for rows in ["", "2,\"x\n\ry\"\n"] {
        let text = row + rows + "x,1\n"
        let files = [try folder.write(""), try folder.write(text)]
        let error = try await failure { try await connection.copyIn(copyIn, files: files) }
        let lineCount = text.utf8.count { $0 == UInt8(ascii: "\n") }
        #expect(error.line == lineCount, "\(text.debugDescription)")
      }
    }
  }

  @Test("an error in the first line is told as such, however much is sent after it")
  func earlyError() async throws {
    let bad = try folder.write("x,1\n")
    let large = try folder.write(String(repeating: "1,2\n", count: 1 << 20))
    let connection = try await open()
    let error = try await failure {
      try await connection.copyIn(copyIn, files: [bad] + Array(repeating: large, count: 50))
    }
    #expect(error.code == .badValue)
    #expect(error.file == bad)
    #expect(error.line == 1)
    #expect(try await connection.copyIn(copyIn, files: []) == 0)
  }

  @Test(
    "notices during a copy keep no row from arriving; those that look like errors may fail it as a whole",
    arguments: [("E", true), ("E....S", false)])
  func noticesDuringCopy(text: String, mustSucceed: Bool) async throws {
    try database.psql(
      """
      CREATE FUNCTION public.speak() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE NOTICE '%', repeat('\(text)', 20000); RETURN NEW; END $$;
      CREATE TRIGGER speak BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.speak();
      CREATE TRIGGER begin BEFORE INSERT ON public.t EXECUTE FUNCTION public.speak();
      """)
    let connection = try await open()
    let file = try folder.write(
      (1...200).map { "\($0),\(String(repeating: "x", count: 20_000))\n" }.joined())
    do {
      #expect(try await connection.copyIn(copyIn, files: [file]) == 200)
      #expect(try database.psql("SELECT count(*) FROM public.t") == "200")
      #expect(await connection.takeNotices().count == 201)
    } catch {
      #expect(!mustSucceed, "\(error)")
      #expect(try database.psql("SELECT count(*) FROM public.t") == "0")
    }
  }

  @Test("a file that is missing or was cut off fails the copy and is named")
  func badFiles() async throws {
    let good = try folder.write("1,a\n")
    let connection = try await open()
    for (path, message) in [
      (folder.path + "/absent.csv", "cannot open: No such file or directory"),
      (try folder.write("2,b\n3,c"), "does not end with a line feed: the file was cut off"),
      (folder.path, "cannot read: Is a directory"),
    ] {
      let error = try await failure {
        try await connection.copyIn(copyIn, files: [good, path])
      }
      #expect(error.code == .unreadableFile)
      #expect(error.description == "\(path): \(message)")
    }
    #expect(try database.psql("SELECT count(*) FROM public.t") == "0")
    #expect(try await connection.copyIn(copyIn, files: [good]) == 1)
  }

  @Test("statements that are no COPY, or the other COPY, are refused")
  func wrongStatements() async throws {
    let connection = try await open()
    let file = try folder.write("1,a\n")
    for statement in ["SELECT 1", copyOut, "COPY public.absent FROM STDIN", "SELECT 1; \(copyIn)"] {
      let error = try await failure { try await connection.copyIn(statement, files: [file]) }
      #expect(error.code == .sql, "\(error)")
    }
    for statement in ["SELECT 1", copyIn] {
      let error = try await failure {
        try await connection.copyOut(statement, into: 0) { _, _ in }
      }
      #expect(error.code == .sql, "\(error)")
    }
    #expect(try database.psql("SELECT count(*) FROM public.t") == "0")
  }

  @Test("a cancelled task ends a copy in either direction")
  func cancelled() async throws {
    let connection = try await open()
    let file = try folder.write(String(repeating: "1,2\n", count: 1 << 18))
    let copying = Task {
      try await connection.copyIn(copyIn, files: Array(repeating: file, count: 10_000))
    }
    try await database.waitUntilActive(connection.backendPID)
    copying.cancel()
    let error = try await failure { try await copying.value }
    #expect(error.code == .cancelled)
    #expect(try database.psql("SELECT count(*) FROM public.t") == "0")

    let reading = Task {
      try await connection.copyOut(
        endless, into: 0
      ) { rows, _ in
        rows += 1
        if rows == 1_000 { withUnsafeCurrentTask { $0?.cancel() } }
      }
    }
    #expect(try await failure { try await reading.value }.code == .cancelled)
    #expect(try await connection.query("SELECT 1 AS one").first("one") == "1")
  }

  @Test("an error of the reader ends the copy and is what the caller gets")
  func readerFails() async throws {
    struct Full: Error {}
    let connection = try await open()
    await #expect(throws: Full.self) {
      try await connection.copyOut(
        endless, into: 0
      ) { rows, _ in
        rows += 1
        if rows == 1_000 { throw Full() }
      }
    }
    #expect(try await connection.query("SELECT 1 AS one").first("one") == "1")
  }

  @Test("a session that the server ends in the middle of a copy")
  func terminated() async throws {
    let connection = try await open()
    let file = try folder.write(String(repeating: "1,2\n", count: 1 << 18))
    let copying = Task {
      try await connection.copyIn(copyIn, files: Array(repeating: file, count: 10_000))
    }
    try await database.waitUntilActive(connection.backendPID)
    try database.psql("SELECT pg_terminate_backend(\(connection.backendPID))")
    let error = try await failure { try await copying.value }
    #expect(error.code == .connectionLost, "\(error)")
    #expect(try database.psql("SELECT count(*) FROM public.t") == "0")

    let reader = try await open()
    let pid = reader.backendPID
    let database = database
    let lost = try await failure {
      try await reader.copyOut(
        endless, into: 0
      ) { rows, _ in
        rows += 1
        if rows == 1_000 { try database.psql("SELECT pg_terminate_backend(\(pid))") }
      }
    }
    #expect(lost.code == .connectionLost, "\(lost)")
  }

  @Test("memory does not grow with the data")
  func boundedMemory() async throws {
    let line = "1,\(String(repeating: "x", count: 1_000))\n"
    let file = try folder.write(String(repeating: line, count: 8_000))
    let connection = try await open()
    try await connection.execute("ALTER TABLE public.t SET UNLOGGED")
    _ = try await connection.copyIn(copyIn, files: [file])
    let before = try residentBytes()
    #expect(try await connection.copyIn(copyIn, files: Array(repeating: file, count: 10)) == 80_000)
    let bytes = try await connection.copyOut(copyOut, into: 0) { $0 += $1.count }
    #expect(bytes == 88_000 * line.utf8.count)
    #expect(try residentBytes() - before < 32 << 20)
  }

  private func residentBytes() throws -> Int {
    let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    return try #require(Int(pages.split(separator: " ")[1])) * 4096
  }
}

/// A temporary folder that goes with the value.
final class Folder: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "restage-target-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  func write(_ text: String) throws -> String {
    let file = "\(path)/\(UUID().uuidString).csv"
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    return file
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
