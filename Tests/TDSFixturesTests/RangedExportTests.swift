import BackupFixtures
import Catalog
import Foundation
import Staging
import TDSFixtures
import TestSupport
import Testing

/// A table that is read in ranges must come out as one that is read whole, or not at all. A failure
/// names its seed: run it again with RESTAGE_FIXTURE_SEED.
@Suite("Export in ranges", .serialized)
struct RangedExportTests {
  static let rowsOfRange = 100

  static let seeds: [UInt64] = {
    let environment = ProcessInfo.processInfo.environment
    if let seed = environment["RESTAGE_FIXTURE_SEED"].flatMap(UInt64.init) { return [seed] }
    return (0..<3).map { _ in UInt64.random(in: 0 ... .max) }
  }()

  private func export(
    _ database: FixtureDatabase, on server: TDSServer, inRanges: Bool = true, jobs: Int = 3,
    stallSeconds: Int = 120, options: [String] = [], goingOn earlier: ExportedSnapshot? = nil
  ) throws -> ExportedSnapshot {
    let range = inRanges ? "&range_rows=\(Self.rowsOfRange)" : ""
    return try ExportedSnapshot(
      of: database, on: server, uriOptions: "encrypt=off&stall_timeout=\(stallSeconds)\(range)",
      options: ["--jobs", "\(jobs)"] + options, goingOn: earlier)
  }

  private func rangesRead(_ server: TDSServer, from start: Int = 0) -> [String] {
    server.batches[start...].compactMap { batch in
      let line = batch.prefix { $0 != "\n" }
      return line.contains(", range ") ? String(line.dropFirst("-- restage: rows ".count)) : nil
    }.sorted()
  }

  /// Rows and rejects of all tables, in their order.
  private func content(_ snapshot: ExportedSnapshot) throws -> [[[UInt8]]] {
    try #require(snapshot.isFinished, "\(snapshot.outcome.errors.suffix(2000))")
    try snapshot.opened().verifyChunks()
    return try snapshot.opened().manifest.tables.flatMap { table in
      [
        try snapshot.records(of: table, inOrder: true),
        try snapshot.rejects(of: table, inOrder: true),
      ]
    }
  }

  private func expectSame(
    _ snapshot: ExportedSnapshot, as database: FixtureDatabase, _ comment: Comment
  ) throws {
    var answers = DatabaseAnswers(database)
    answers.isReadOnly = true
    let server = try answers.serve()
    let whole = try export(database, on: server, inRanges: false)
    #expect(rangesRead(server).isEmpty)
    let isSame = try content(snapshot) == content(whole)
    #expect(isSame, comment)
    #expect(snapshot.outcome.status == whole.outcome.status, comment)
    let files = try FileManager.default.subpathsOfDirectory(atPath: snapshot.path)
    #expect(!files.contains { $0.contains("=") || $0.contains("journal") }, comment)
  }

  // MARK: - The same rows

  @Test(
    "int, composite, uuid, text and binary keys, with rejects, in the order of the source",
    arguments: seeds)
  func keys(seed: UInt64) throws {
    let database = KeyedDatabase(seed: seed).database
    var answers = DatabaseAnswers(database)
    answers.isReadOnly = seed % 2 == 0
    let server = try answers.serve()
    let snapshot = try export(database, on: server)
    #expect(server.notes == [], "seed \(seed)")
    let ranges = rangesRead(server)
    for table in database.tables where table.table.sourceKeyColumns != nil {
      #expect(
        ranges.filter { $0.hasPrefix("\(table.table.name), ") }.count > 3,
        "\(table.table.name), seed \(seed): \(snapshot.outcome.errors)")
    }
    let asked = server.batches.filter { $0.hasPrefix("-- restage: boundaries dbo.") }
    #expect(
      !asked.contains { $0.contains("dbo.Dense") } && asked.contains { $0.contains("dbo.Int") })
    try expectSame(snapshot, as: database, "seed \(seed)")
  }

  @Test("transactions that cannot be shown to begin at one state read whole tables")
  func otherWriters() throws {
    let database = KeyedDatabase(seed: 1).database
    var answers = DatabaseAnswers(database)
    answers.logEnd = { "0000001F:00000030:\($0.number)" }
    let server = try answers.serve()
    let snapshot = try export(database, on: server)
    #expect(rangesRead(server).isEmpty)
    #expect(snapshot.outcome.errors.contains("every table is read by one connection alone"))
    #expect(snapshot.outcome.errors.contains("others wrote each time"))
    try expectSame(snapshot, as: database, "whole")
  }

  @Test(
    "a log that does not show what is seen is not asked for its end again and again",
    arguments: [
      [FixtureValue.null, .integer(0), .integer(0)], [.text("1F:30:1"), .integer(1), .integer(0)],
      [.text("1F:30:1"), .integer(0), .integer(1)],
    ])
  func noUsableLog(row: [FixtureValue]) throws {
    let database = KeyedDatabase(seed: 1).database
    var answers = DatabaseAnswers(database)
    answers.overrides["log end"] = ResultSet(
      [
        ResultColumn("log_end", "nvarchar(48)"), ResultColumn("delayed_durability", "int"),
        ResultColumn("awaited_replicas", "int"),
      ],
      rows: [row])
    let server = try answers.serve()
    let snapshot = try export(database, on: server)
    #expect(rangesRead(server).isEmpty)
    #expect(snapshot.outcome.errors.contains("does not say where the log ends"))
    #expect(server.batches.filter { $0.hasPrefix("-- restage: log end") }.count == 1)
    try expectSame(snapshot, as: database, "whole")
  }

  @Test("the connection that asked for the catalog is one of those that read")
  func connections() throws {
    let database = KeyedDatabase(seed: 1).database
    let server = try DatabaseAnswers(database).serve()
    let snapshot = try export(database, on: server, jobs: 3)
    #expect(!rangesRead(server).isEmpty)
    // One more looks at the log.
    #expect(server.connectionCount == 4)
    try expectSame(snapshot, as: database, "three connections")
  }

  @Test("without SNAPSHOT isolation whole tables are read")
  func readCommitted() throws {
    let database = KeyedDatabase(seed: 2).database
    var answers = DatabaseAnswers(database)
    answers.allowsSnapshot = false
    let server = try answers.serve()
    let snapshot = try export(database, on: server)
    #expect(rangesRead(server).isEmpty)
    try expectSame(snapshot, as: database, "whole")
  }

  // MARK: - Faults

  @Test(
    "a connection that breaks in a range costs time and nothing else", arguments: [true, false],
    [
      Fault.reset(afterRows: 30), .truncatedPacket(afterRows: 1), .stall(afterRows: 99),
      .close(afterRows: 100),
    ])
  func rangeBegunAgain(isReadOnly: Bool, fault: Fault) throws {
    let database = KeyedDatabase(seed: 3).database
    var answers = DatabaseAnswers(database)
    answers.isReadOnly = isReadOnly
    let server = try answers.serve(
      faults: FaultPlan([.init("rows dbo.Int, range 3", occurrence: 1, fault)]))
    let snapshot = try export(database, on: server, stallSeconds: 10)
    let ranges = rangesRead(server).filter { $0.hasPrefix("dbo.Int, range 3") }
    #expect(ranges == ["dbo.Int, range 3", "dbo.Int, range 3"])
    #expect(snapshot.outcome.errors.contains("range begun again"))
    try expectSame(snapshot, as: database, "\(fault)")
  }

  @Test("a range that fails in every attempt leaves no snapshot")
  func hopeless() throws {
    let database = KeyedDatabase(seed: 4).database
    for fault in [
      Fault.reset(afterRows: 30), .wrongRowCount(by: -1), .fewerRows(99), .noDone(afterRows: 100),
      .error(number: 8134, severity: 16, text: "Divide by zero error.", afterRows: 99),
      .doneWithError,
    ] {
      var answers = DatabaseAnswers(database)
      answers.isReadOnly = true
      let server = try answers.serve(
        faults: FaultPlan([.init("rows dbo.Text, range 2", fault)]))
      // Rows without an end are waited for in each attempt.
      let snapshot = try export(database, on: server, stallSeconds: 5)
      #expect(snapshot.outcome.status != 0, "\(fault)")
      #expect(!snapshot.isFinished, "\(fault)")
      #expect(snapshot.outcome.errors.contains("dbo.Text"), "\(fault)")
    }
  }

  @Test(
    "Babelfish is asked for the ends of a key beside its count, of the first connection where another fails",
    arguments: [true, false])
  func endsBesideCount(fails: Bool) throws {
    let database = KeyedDatabase(seed: 7, ["Dense"]).database
    var answers = DatabaseAnswers(database)
    answers.isBabelfish = true
    answers.overrides["state seen"] = ResultSet(
      [ResultColumn("state", "nvarchar(40)")], rows: [[.text("740:740:")]])
    let rule = FaultPlan.Rule("ends dbo.Dense", occurrence: 1, .reset(afterRows: 0))
    let server = try answers.serve(faults: FaultPlan(fails ? [rule] : []))
    let snapshot = try export(database, on: server, jobs: 2)
    let ends = server.batches.filter { $0.hasPrefix("-- restage: ends dbo.Dense\n") }
    #expect(ends.map { $0.contains("COUNT_BIG") } == (fails ? [false, true] : [false]))
    #expect(rangesRead(server).count == 7, "\(snapshot.outcome.errors)")
    try expectSame(snapshot, as: database, "fails: \(fails)")
  }

  @Test("when no connection is left that sees the state, the table is begun again as a whole")
  func stateLost() throws {
    let database = KeyedDatabase(seed: 5, ["Int"]).database
    let server = try DatabaseAnswers(database).serve(
      faults: FaultPlan([.init("rows dbo.Int, range", .reset(afterRows: 10))]))
    let snapshot = try export(database, on: server, jobs: 2)
    #expect(snapshot.outcome.errors.contains("table begun again as a whole"))
    #expect(snapshot.outcome.errors.contains("no connection is left"))
    try expectSame(snapshot, as: database, "whole")
  }

  @Test(
    "rows that are in two ranges or in none are noticed, and the table is begun again as a whole")
  func counts() throws {
    let database = KeyedDatabase(seed: 6, ["Int"]).database
    let table = database.tables[0]
    for rowCount in [table.rowCount - 1, table.rowCount + 1] {
      var answers = DatabaseAnswers(database)
      answers.isReadOnly = true
      // The table as the last range sees it.
      var moved = answers
      moved.database.tables[0] = FixtureTable(table.table, rowCount: rowCount) { row in
        row < table.rowCount
          ? table.row(row)
          : [.integer(Int64(Int32.max))] + table.row(0).dropFirst()
      }
      let last = "rows dbo.Int, range \((table.rowCount - 1) / Self.rowsOfRange + 1)"
      let configuration = TDSServer.Configuration(databases: [database.catalog.name])
      let server = try TDSServer(configuration) { [answers, moved] batch in
        try (batch.text.contains(last) ? moved : answers).response(batch)
      }
      let snapshot = try export(database, on: server)
      #expect(
        snapshot.outcome.errors.contains("table begun again as a whole"), "\(rowCount)")
      try expectSame(snapshot, as: database, "whole")
    }
  }

  // MARK: - Killed and gone on with

  @Test("what another server has is begun again")
  func otherServer() throws {
    let database = KeyedDatabase(seed: 7).database
    var answers = DatabaseAnswers(database)
    answers.isReadOnly = true
    let stalled = try answers.serve(
      faults: FaultPlan([.init("rows dbo.Uuid, range 3", .stall(afterRows: 10))]))
    let killed = try killedExport(of: database, on: stalled, after: 4)
    #expect(!killed.isFinished)
    let server = try answers.serve()
    // The state is that of the same server.
    let snapshot = try export(database, on: server, goingOn: killed)
    let read = rangesRead(server)
    #expect(Set(read).isSuperset(of: rangesRead(stalled)), "another port is another server")
    #expect(Set(read).count == read.count)
    try expectSame(snapshot, as: database, "begun again")
  }

  @Test("after kill -9 at any moment the next export makes the same snapshot", arguments: seeds)
  func killedAtAnyMoment(seed: UInt64) throws {
    let database = KeyedDatabase(seed: seed).database
    var answers = DatabaseAnswers(database)
    answers.isReadOnly = true
    let server = try answers.serve()
    var random = TestSupport.SeededGenerator(seed: seed)
    var snapshot: ExportedSnapshot?
    for _ in 0..<4 {
      snapshot = try killedExport(
        of: database, on: server, after: Double.random(in: 0.05...2, using: &random),
        goingOn: snapshot)
      if snapshot?.isFinished == true { break }
    }
    if snapshot?.isFinished != true {
      let start = server.batches.count
      let journal = try? String(
        contentsOfFile: (snapshot?.path ?? "") + "/journal.jsonl", encoding: .utf8)
      let kept = (journal ?? "").split(separator: "\n").count { $0.contains("\"range\":") }
      let finished = try export(database, on: server, goingOn: snapshot)
      snapshot = finished
      // A range whose line is written is not read again, but for a table that was being joined.
      let total = Set(rangesRead(server)).count
      if kept > 0 && !(journal ?? "").contains("\"finished\":{\"table\"") {
        #expect(rangesRead(server, from: start).count <= total - kept, "seed \(seed)")
        #expect(finished.outcome.errors.contains("going on with an unfinished export"))
      }
    }
    let done = try #require(snapshot)
    try expectSame(try export(database, on: server), as: database, "seed \(seed)")
    #expect(try content(done) == content(try export(database, on: server)), "seed \(seed)")
  }

  @Test("a source that has changed is read from the beginning")
  func changedState() throws {
    let database = KeyedDatabase(seed: 8).database
    for isReadOnly in [true, false] {
      var answers = DatabaseAnswers(database)
      answers.isReadOnly = isReadOnly
      let stall = FaultPlan([
        .init("rows dbo.Uuid, range 3", occurrence: 1, .stall(afterRows: 10))
      ])
      let logEnd = Box("1")
      answers.logEnd = { _ in logEnd.value }
      let server = try answers.serve(faults: stall)
      let killed = try killedExport(of: database, on: server, after: 4)
      #expect(!killed.isFinished)
      let total = Set(rangesRead(server)).count
      logEnd.value = "2"
      let start = server.batches.count
      let snapshot = try export(database, on: server, goingOn: killed)
      #expect(rangesRead(server, from: start).count >= total)
      #expect(!snapshot.outcome.errors.contains("going on"))
      try expectSame(snapshot, as: database, "begun again")
    }
  }

  @Test("a database snapshot that a killed export left is gone on with, and dropped at the end")
  func databaseSnapshot() throws {
    let database = KeyedDatabase(seed: 11).database
    let options = ["--consistency", "database-snapshot"]
    let live = LiveDatabase(DatabaseAnswers(database)) { batch, answers in
      // Others write meanwhile.
      guard batch.name == "rows dbo.Uuid, range 3" else { return }
      answers.database.tables[0].rowCount -= 50
    }
    let server = try live.serve(
      faults: FaultPlan([.init("rows dbo.Uuid, range 3", occurrence: 1, .stall(afterRows: 10))]))
    let killed = try killedExport(of: database, on: server, after: 15, options: options)
    #expect(!killed.isFinished)
    #expect(live.snapshots == live.created && live.created.count == 1)
    let journal = try String(contentsOfFile: killed.path + "/journal.jsonl", encoding: .utf8)
    let keptRanges = journal.split(separator: "\n").count { $0.contains("\"range\":") }
    let start = server.batches.count
    let snapshot = try export(database, on: server, options: options, goingOn: killed)
    #expect(live.created.count == 1 && live.snapshots == [])
    #expect(snapshot.outcome.errors.contains("going on with an unfinished export"))
    let again = rangesRead(server, from: start)
    #expect(keptRanges > 0 && again.count < Set(rangesRead(server)).count)
    try expectSame(snapshot, as: database, "gone on")
  }

  private func killedExport(
    of database: FixtureDatabase, on server: TDSServer, after seconds: Double,
    options: [String] = [], goingOn earlier: ExportedSnapshot? = nil
  ) throws -> ExportedSnapshot {
    let uri =
      "mssql://sa@127.0.0.1:\(server.port)/\(database.catalog.name)?encrypt=off"
      + "&range_rows=\(Self.rowsOfRange)"
    return try ExportedSnapshot(
      of: uri, options: ["--jobs", "3"] + options, goingOn: earlier, killedAfter: seconds)
  }

  // MARK: - Load on the source

  @Test("a rate is kept by all connections together", arguments: ["500kB", "4000rows"])
  func rate(rate: String) throws {
    let database = KeyedDatabase(seed: 9, ["Int", "Uuid"], rowCount: 4000).database
    var answers = DatabaseAnswers(database)
    answers.isReadOnly = true
    let server = try answers.serve()
    let began = Date()
    let snapshot = try export(database, on: server, options: ["--max-rate", rate])
    let seconds = Date().timeIntervalSince(began)
    let manifest = try snapshot.opened().manifest
    let (rows, bytes) = manifest.tables.reduce((0, 0)) { ($0.0 + $1.rows, $0.1 + $1.bytes) }
    // What goes over the wire is more than the text, if anything.
    let least = rate.hasSuffix("rows") ? Double(rows) / 4000 : Double(bytes) / 500_000
    #expect(seconds > least * 0.8, "\(seconds) s, \(rows) rows, \(bytes) bytes")
    #expect(least > 1)
    try expectSame(snapshot, as: database, "\(rate)")
  }

  @Test("at the deadline it ends with 75, and the next export goes on")
  func deadline() throws {
    let database = KeyedDatabase(seed: 10, ["Int"]).database
    var answers = DatabaseAnswers(database)
    answers.isReadOnly = true
    let server = try answers.serve(
      faults: FaultPlan([.init("rows dbo.Int, range 5", occurrence: 1, .stall(afterRows: 1))]))
    let uri =
      "mssql://sa@127.0.0.1:\(server.port)/\(database.catalog.name)?encrypt=off"
      + "&range_rows=\(Self.rowsOfRange)"
    // The minute after the next begins in 60 to 120 seconds; the next one may be too near.
    let now = Date()
    let second = Calendar.current.component(.second, from: now)
    let end = now.addingTimeInterval(second < 45 ? 60 : 120)
    let parts = Calendar.current.dateComponents([.hour, .minute], from: end)
    let until = String(format: "%02d:%02d", parts.hour ?? 0, parts.minute ?? 0)
    let stopped = try ExportedSnapshot(of: uri, options: ["--until", until, "--jobs", "2"])
    #expect(stopped.outcome.status == 75)
    #expect(!stopped.isFinished)
    #expect(stopped.outcome.errors.contains("it is \(until), and not all tables are exported"))
    #expect(stopped.outcome.errors.contains("export --into '\(stopped.path)' again"))
    let start = server.batches.count
    let snapshot = try ExportedSnapshot(of: uri, options: ["--jobs", "2"], goingOn: stopped)
    #expect(rangesRead(server, from: start) == ["dbo.Int, range 5"])
    try expectSame(snapshot, as: database, "gone on")
  }

  @Test("what is no rate and no time is wrong usage")
  func usage() throws {
    for options in [
      ["--max-rate", "fast"], ["--max-rate", "0MB"], ["--until", "24:00"], ["--until", "5:3"],
      ["--until", "05:30:00"],
    ] {
      #expect(
        try RestageTool.run(["export", "mssql://sa@127.0.0.1/d"] + options).status == 64,
        "\(options)")
    }
    let file = try RestageTool.run(["export", "x.bak", "--max-rate", "1MB"])
    #expect(file.status == 64 && file.errors.contains("live servers"))
  }
}

/// A value that a server's thread reads.
// Sendable because the lock is held around every access.
private final class Box: @unchecked Sendable {
  private let lock = NSLock()
  private var stored: String

  init(_ value: String) { stored = value }

  var value: String {
    get { lock.withLock { stored } }
    set { lock.withLock { stored = newValue } }
  }
}

/// Tables with keys of every kind, their rows in the order that SQL Server gives them.
private struct KeyedDatabase {
  let database: FixtureDatabase

  init(seed: UInt64, _ names: [String]? = nil, rowCount: Int = 700) {
    var random = TestSupport.SeededGenerator(seed: seed)
    let kinds: [(name: String, columns: [(String, String)])] = [
      ("Dense", [("a", "bigint")]), ("Int", [("a", "int")]),
      ("Pair", [("a", "smallint"), ("b", "nvarchar(20)")]),
      ("Triple", [("a", "tinyint"), ("b", "uniqueidentifier"), ("c", "bigint")]),
      ("Uuid", [("a", "uniqueidentifier")]), ("Text", [("a", "nvarchar(20)")]),
      ("Char", [("a", "char(12)")]), ("Binary", [("a", "binary(4)")]),
    ]
    var tables: [FixtureTable] = []
    for kind in kinds where names?.contains(kind.name) ?? true {
      tables.append(Self.table(kind.name, kind.columns, rowCount, &random))
    }
    tables.append(
      FixtureTable(
        .fixture("Heap", [("a", "int")]), rowCount: rowCount
      ) { [.integer(Int64($0))] })
    database = FixtureDatabase("Keyed", tables: tables)
  }

  private static func table(
    _ name: String, _ columns: [(String, String)], _ rowCount: Int,
    _ random: inout TestSupport.SeededGenerator
  ) -> FixtureTable {
    var table = Table.fixture(
      name, columns.map { (name: $0.0, type: $0.1) } + [(name: "v", type: "nvarchar(200)")])
    for index in columns.indices { table.columns[index].isNullable = false }
    table.primaryKey = Key(
      name: "PK_\(name)", isClustered: true, columns: columns.map { KeyColumn($0.0) })
    let types = table.columns.map(\.type)
    func isBefore(_ left: [FixtureValue], _ right: [FixtureValue]) -> Int {
      for index in columns.indices {
        let order = FixtureOrder.compare(left[index], right[index], types[index]) ?? 0
        if order != 0 { return order }
      }
      return 0
    }
    var rows: [[FixtureValue]] = []
    for number in 0..<rowCount {
      let isDense = name == "Dense"
      let key = columns.indices.map {
        isDense ? .integer(Int64(number * 3 / 2)) : value(of: types[$0], &random)
      }
      // Every 50th row is one that PostgreSQL cannot store.
      let filler = String(repeating: "x", count: Int.random(in: 0...100, using: &random))
      rows.append(key + [.text(number % 50 == 17 ? "nul\0" : "\(number) \(filler)")])
    }
    rows.sort { isBefore($0, $1) < 0 }
    var unique: [[FixtureValue]] = []
    for row in rows where unique.last.map({ isBefore($0, row) != 0 }) ?? true { unique.append(row) }
    return FixtureTable(table, rows: unique)
  }

  private static func value(of type: ColumnType, _ random: inout TestSupport.SeededGenerator)
    -> FixtureValue
  {
    switch type.base {
    case .tinyint: return .integer(Int64.random(in: 0...3, using: &random))
    case .smallint: return .integer(Int64.random(in: -20...20, using: &random))
    case .int: return .integer(Int64(Int32.random(in: .min ... .max, using: &random)))
    case .bigint: return .integer(Int64.random(in: .min ... .max, using: &random))
    case .uniqueidentifier:
      return .bytes((0..<16).map { _ in UInt8.random(in: 0...255, using: &random) })
    case .binary: return .bytes((0..<4).map { _ in UInt8.random(in: 0...255, using: &random) })
    default:
      let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
      let length = type.length == 12 ? 12 : Int.random(in: 0...8, using: &random)
      return .text(
        String((0..<length).map { _ in letters[Int.random(in: 0..<letters.count, using: &random)] })
      )
    }
  }
}
