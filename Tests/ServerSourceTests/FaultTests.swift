import BackupFixtures
import Catalog
import Foundation
import Logging
import Pipeline
import ServerSource
import Staging
import TDSFixtures
import TestSupport
import Testing

@Suite("a server that fails")
struct FaultTests {
  private static let table = FixtureTable(
    Table.fixture("T", key: "id", [("id", "int"), ("v", "nvarchar(100)")]), rowCount: 5_000
  ) { row in [.integer(Int64(row)), .text("row \(row)")] }

  private static let answers = DatabaseAnswers(FixtureDatabase("d", tables: [table]))

  private func read(
    _ faults: FaultPlan, _ answers: DatabaseAnswers = answers, options: String = ""
  ) throws {
    let server = try answers.serve(faults: faults)
    defer { server.stop() }
    let source = try ServerSource(
      try server.address("d", options: options), password: TDSServer.password)
    _ = try exportLines(source, Self.table.table.name, into: TemporaryFolder())
  }

  @Test(
    "rows that break off are never a table",
    arguments: [
      Fault.reset(afterRows: 0), .reset(afterRows: 1), .reset(afterRows: 4_000),
      .close(afterRows: 0), .close(afterRows: 1), .close(afterRows: 4_000),
      .truncatedPacket(afterRows: 1), .truncatedPacket(afterRows: 4_000), .noDone(afterRows: 4_999),
      .noDone(afterRows: 5_000),
    ])
  func brokenOff(_ fault: Fault) {
    let error = #expect(throws: ServerError.self) {
      try read(FaultPlan([.init("rows dbo.T", fault)]), options: "&stall_timeout=2")
    }
    #expect(error?.isTransient == true, "\(fault): \(String(describing: error))")
  }

  @Test(
    "an answer that contradicts itself is never a table",
    arguments: [
      Fault.wrongRowCount(by: 1), .wrongRowCount(by: -1), .doneWithoutCount,
      .fewerRows(4_999), .fewerRows(0),
    ])
  func contradiction(_ fault: Fault) {
    #expect(throws: ServerError.self) { try read(FaultPlan([.init("rows dbo.T", fault)])) }
  }

  @Test("rows that the server itself says ended with an error are never a table")
  func errorAtEnd() {
    // db-lib does not tell of the error bit of a DONE; the server is asked instead.
    let error = #expect(throws: ServerError.self) {
      try read(FaultPlan([.init("rows dbo.T", .doneWithError)]))
    }
    #expect(error?.description.contains("error 8134") == true)
  }

  @Test("an error after rows is the server's error, in its words", arguments: [0, 1, 4_999])
  func errorAfterRows(_ rows: Int) {
    let fault = Fault.error(
      number: 8134, severity: 16, text: "Divide by zero error encountered.", afterRows: rows)
    let error = #expect(throws: ServerError.self) {
      try read(FaultPlan([.init("rows dbo.T", fault)]))
    }
    #expect(error?.code == .sql)
    #expect(error?.number == 8134)
    #expect(error?.description.contains("Divide by zero error encountered.") == true)
  }

  @Test("a deadlock may be tried again; a missing permission may not")
  func kinds() {
    for (number, code) in [
      (1205, ServerError.Code.conflict), (1222, .conflict), (229, .permission),
      (596, .connectionLost),
    ] {
      let fault = Fault.error(number: number, severity: 14, text: "no", afterRows: 3)
      let error = #expect(throws: ServerError.self) {
        try read(FaultPlan([.init("rows dbo.T", fault)]))
      }
      #expect(error?.code == code)
    }
  }

  @Test("a stream that stalls is given up")
  func stall() {
    let error = #expect(throws: ServerError.self) {
      try read(
        FaultPlan([.init("rows dbo.T", .stall(afterRows: 100))]), options: "&stall_timeout=1")
    }
    #expect(error?.code == .stalled)
    #expect(error?.isTransient == true)
  }

  @Test("a count of the server that is not the rows' number is a table that changed")
  func count() {
    var answers = Self.answers
    answers.missingFromCount = 1
    let error = #expect(throws: ServerError.self) { try read(FaultPlan(), answers) }
    #expect(error?.code == .conflict)
  }

  @Test(
    "a catalog that breaks off is never a catalog",
    arguments: [
      Fault.reset(afterRows: 1), .close(afterRows: 1), .wrongRowCount(by: 1), .doneWithoutCount,
      .noDone(afterRows: 2),
    ])
  func catalog(_ fault: Fault) {
    #expect(throws: ServerError.self) {
      try read(FaultPlan([.init("-- restage: columns", fault)]), options: "&stall_timeout=2")
    }
  }

  // MARK: - Through the whole export

  private func export(_ faults: FaultPlan) async throws -> (Export.Outcome?, server: TDSServer) {
    let server = try Self.answers.serve(faults: faults)
    let source = try ServerSource(
      try server.address("d", options: "&stall_timeout=2"), password: TDSServer.password)
    let folder = try TemporaryFolder()
    let outcome = try await Export(
      source: source, folder: folder.path + "/s", selection: TableSelection(nil), jobCount: 2,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ).run()
    #expect(try Snapshot(opening: folder.path + "/s").manifest.tables.map(\.rows) == [5_000])
    return (outcome, server)
  }

  @Test("a table whose connection broke once is begun again and is whole")
  func begunAgain() async throws {
    let (outcome, server) = try await export(
      FaultPlan([.init("rows dbo.T", occurrence: 1, .reset(afterRows: 3_000))]))
    defer { server.stop() }
    #expect(outcome?.manifest.tables.map(\.rows) == [5_000])
    #expect(outcome?.rejectCount == 0)
    #expect(server.connectionCount == 2)
    #expect(server.batches.filter { $0.contains("SET TEXTSIZE") }.count <= 2)
  }

  @Test("a server that starts again costs time and nothing else")
  func startsAgain() async throws {
    var faults = FaultPlan([.init("rows dbo.T", occurrence: 1, .reset(afterRows: 3_000))])
    faults.loginRefusals = [
      2: ServerMessage(18401, severity: 14, "Login failed. Server is in script upgrade mode."),
      3: ServerMessage(4060, severity: 11, "Cannot open database \"d\" requested by the login."),
    ]
    let (outcome, server) = try await export(faults)
    defer { server.stop() }
    #expect(outcome?.rejectCount == 0)
    #expect(server.connectionCount == 4)
  }

  @Test("a database that took no writes, and was closed in between, is not read on")
  func otherState() async throws {
    var answers = Self.answers
    answers.isReadOnly = true
    var faults = FaultPlan([.init("rows dbo.T", occurrence: 1, .reset(afterRows: 3_000))])
    faults.closesOthersAtLogin = 3
    let server = try answers.serve(faults: faults)
    defer { server.stop() }
    let source = try ServerSource(try server.address("d"), password: TDSServer.password)
    let folder = try TemporaryFolder()
    let error = await #expect(throws: ServerError.self) {
      try await Export(
        source: source, folder: folder.path + "/s", selection: TableSelection(nil), jobCount: 1,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      ).run()
    }
    #expect(error?.description.contains("may have become another") == true)
    #expect(throws: StagingError.self) { try Snapshot(opening: folder.path + "/s") }
  }

  @Test("a cancelled export leaves a stalled stream at once")
  func cancelled() async throws {
    let server = try Self.answers.serve(
      faults: FaultPlan([.init("rows dbo.T", .stall(afterRows: 10))]))
    defer { server.stop() }
    let source = try ServerSource(
      try server.address("d", options: "&stall_timeout=3600"), password: TDSServer.password)
    let folder = try TemporaryFolder()
    let export = Export(
      source: source, folder: folder.path + "/s", selection: TableSelection(nil), jobCount: 1,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let began = ContinuousClock.now
    await #expect(throws: CancellationError.self) {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { _ = try await export.run() }
        while !server.batches.contains(where: { $0.contains("rows dbo.T") }) {
          try await Task.sleep(for: .milliseconds(20))
        }
        group.cancelAll()
        try await group.waitForAll()
      }
    }
    // Without the cancellation it would be an hour; a busy machine may take its time.
    #expect(ContinuousClock.now - began < .seconds(900))
  }

  @Test("an error that another attempt cannot cure ends the export without a manifest")
  func noManifest() async throws {
    let server = try Self.answers.serve(
      faults: FaultPlan([.init("rows dbo.T", .wrongRowCount(by: 1))]))
    defer { server.stop() }
    let source = try ServerSource(try server.address("d"), password: TDSServer.password)
    let folder = try TemporaryFolder()
    await #expect(throws: ServerError.self) {
      try await Export(
        source: source, folder: folder.path + "/s", selection: TableSelection(nil), jobCount: 1,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      ).run()
    }
    #expect(throws: StagingError.self) { try Snapshot(opening: folder.path + "/s") }
  }
}
