import BackupFixtures
import Catalog
import Foundation
import Staging
import TDSFixtures
import TestSupport
import Testing

/// Whatever a server does, `restage export` leaves a whole snapshot or none.
@Suite("Export from a server that fails")
struct ExportFaultTests {
  static let rowCount = 5000
  static let database = FixtureDatabase(
    "Faulty",
    tables: [
      FixtureTable(
        .fixture("T", key: "id", [("id", "int"), ("v", "nvarchar(100)")]), rowCount: rowCount
      ) { row in [.integer(Int64(row)), .text("row \(row)")] },
      FixtureTable(.fixture("Small", [("a", "int")]), rows: [[.integer(1)], [.null]]),
    ])

  private func export(
    _ plan: FaultPlan, stallSeconds: Int = 3
  ) throws -> (ExportedSnapshot, TDSServer) {
    let server = try DatabaseAnswers(Self.database).serve(faults: plan)
    let snapshot = try ExportedSnapshot(
      of: Self.database, on: server,
      uriOptions: "encrypt=off&stall_timeout=\(stallSeconds)&login_timeout=30")
    return (snapshot, server)
  }

  /// Exports once for each fault, all at the same time: most of it is waiting for another attempt.
  private func expectNoSnapshot(
    _ cases: [(batch: String, fault: Fault)], named words: String
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (batch, fault) in cases {
        group.addTask {
          let (snapshot, server) = try await onThread {
            try export(FaultPlan([.init(batch, fault)]))
          }
          #expect(snapshot.outcome.status != 0, "\(batch): \(fault)")
          #expect(!snapshot.isFinished, "\(batch): \(fault)")
          #expect(
            snapshot.outcome.errors.contains(words), "\(fault): \(snapshot.outcome.errors)")
          #expect(server.notes == [], "\(batch): \(fault)")
        }
      }
      try await group.waitForAll()
    }
  }

  static let faults: [Fault] = [
    .reset(afterRows: 0), .reset(afterRows: 3000), .close(afterRows: 4999), .close(afterRows: 5000),
    .truncatedPacket(afterRows: 3000), .stall(afterRows: 3000), .stall(afterRows: 5000),
    .noDone(afterRows: 5000),
    .error(number: 8134, severity: 16, text: "Divide by zero error encountered.", afterRows: 4999),
    .error(number: 596, severity: 21, text: "The session is in the kill state.", afterRows: 10),
    .wrongRowCount(by: 1), .wrongRowCount(by: -1), .doneWithoutCount, .doneWithError,
    .fewerRows(4999), .fewerRows(0),
  ]

  @Test("rows that fail in every attempt leave no snapshot")
  func rows() async throws {
    try await expectNoSnapshot(Self.faults.map { ("rows dbo.T", $0) }, named: "dbo.T")
  }

  @Test("a count that fails leaves no snapshot")
  func counts() async throws {
    let faults =
      [
        .reset(afterRows: 0), .close(afterRows: 1), .fewerRows(0), .wrongRowCount(by: 1),
        .doneWithoutCount,
      ] as [Fault]
    try await expectNoSnapshot(faults.map { ("count dbo.T", $0) }, named: "dbo.T")
  }

  @Test("a catalog that breaks off leaves no snapshot")
  func catalog() async throws {
    let faults =
      [
        .reset(afterRows: 1), .truncatedPacket(afterRows: 0), .stall(afterRows: 1),
        .wrongRowCount(by: 1), .doneWithoutCount,
      ] as [Fault]
    let questions = ["tables", "columns", "indexes"]
    try await expectNoSnapshot(
      questions.flatMap { name in faults.map { ("-- restage: \(name)\n", $0) } }, named: "127.0.0.1"
    )
  }

  @Test(
    "a connection that breaks once costs time and nothing else",
    arguments: [
      Fault.reset(afterRows: 3000), .truncatedPacket(afterRows: 1), .stall(afterRows: 100),
    ])
  func begunAgain(fault: Fault) throws {
    let (snapshot, server) = try export(
      FaultPlan([.init("rows dbo.T", occurrence: 1, fault)]))
    #expect(snapshot.outcome.status == 0, "\(snapshot.outcome.errors)")
    let manifest = try snapshot.opened().manifest
    let table = try #require(manifest.table(named: ObjectName("dbo", "T")))
    #expect(table.rows == Self.rowCount)
    let lines = (0..<Self.rowCount).map { Array("\($0),row \($0)".utf8) }
    let isWhole = try snapshot.records(of: table, inOrder: true) == lines
    #expect(isWhole)
    #expect(server.batches.filter { $0.contains("rows dbo.T") }.count == 2)
  }

  @Test("a slow server is no broken one")
  func drip() throws {
    let (snapshot, _) = try export(
      FaultPlan([.init("-- restage", .drip(byteCount: 500, milliseconds: 0))]), stallSeconds: 60)
    #expect(snapshot.outcome.status == 0, "\(snapshot.outcome.errors)")
    #expect(snapshot.isFinished)
  }

  @Test("a server that is gone when the table is begun again leaves no snapshot")
  func portClosed() throws {
    let (snapshot, _) = try export(
      FaultPlan([.init("rows dbo.T", .reset(afterRows: 3000))], loginCountMax: 1))
    #expect(snapshot.outcome.status != 0)
    #expect(!snapshot.isFinished)
  }

  @Test("a refused login is quoted, and leaves no snapshot")
  func loginRefused() throws {
    let refusal = ServerMessage(18_486, severity: 14, "The account is currently locked out.")
    let (snapshot, _) = try export(FaultPlan(loginRefusal: refusal))
    #expect(snapshot.outcome.status == 77)
    #expect(!snapshot.isFinished)
    #expect(snapshot.outcome.errors.contains("The account is currently locked out."))
  }
}

/// Does blocking work on a thread of its own, so that the tests' few threads are free.
func onThread<Outcome: Sendable>(
  _ work: @escaping @Sendable () throws -> Outcome
) async throws -> Outcome {
  try await withCheckedThrowingContinuation { continuation in
    Thread { continuation.resume(with: Result { try work() }) }.start()
  }
}
