import TestSupport
import Testing

@testable import BackupSource

@Suite("containers: real files", .enabled(if: SharedData.isThere, SharedData.skipped))
struct ContainerRealFileTests {
  @Test("the truth knows the files this suite is about")
  func truthIsThere() throws {
    _ = try SharedData.path("")
    #expect(ContainerTruth.readable.count >= 24)
    #expect(ContainerTruth.refused.count >= 7)
  }

  @Test("a readable file opens as what it is", arguments: ContainerTruth.readable)
  func opens(_ truth: ContainerTruth) throws {
    let opened = try BackupFile.open(truth.specification(), setNumber: truth.setNumber)
    let facts = opened.facts
    #expect(facts.files == truth.files.map { String($0.split(separator: "/").last ?? "") })
    #expect(facts.isCompressed == (truth.isCompressed ?? false))
    guard facts.kind == .backup else { return }
    #expect(facts.databaseName == truth.database)
    #expect(facts.internalVersion == truth.internalVersion)
    #expect(facts.sets.count == truth.setCount ?? 1)
    let server = try #require(facts.serverVersion)
    #expect(truth.sqlServer.map { server.hasSuffix($0) } ?? false)
  }

  @Test("a file that cannot be read alone is refused by name", arguments: ContainerTruth.refused)
  func refuses(_ truth: ContainerTruth) throws {
    let error = try #require(throws: BackupError.self) {
      try BackupFile.open(truth.specification())
    }
    let reason = try #require(truth.refuse)
    let words = ["transaction log", "differential", "striped"].filter(reason.contains)
    #expect(!words.isEmpty)
    #expect(error.code == .refusedKind)
    #expect(words.allSatisfy { error.description.contains($0) }, "\(error)")
    #expect(error.advice != nil)
  }

  @Test("pages placed equal the pages announced", arguments: ContainerTruth.readable)
  func placesEveryPage(_ truth: ContainerTruth) throws {
    let opened = try BackupFile.open(truth.specification(), setNumber: truth.setNumber)
    guard let pages = opened.pages as? BackupPages else { return }
    let base = try SourceFiles(truth.specification()).base
    let members = try BackupMembers(base.map { try InputFile(path: $0) })
    let set = try members.parts(of: opened.facts.setNumber ?? 1)[0]
    let announced = set.configuration.files.reduce(0) { $0 + $1.pageCount }
    #expect(pages.map.extentCount * PageLayout.pagesPerExtent == announced)
  }

  @Test(
    "every allocated page carries its own number and verifies", arguments: ContainerTruth.readable)
  func allocatedPagesVerify(_ truth: ContainerTruth) throws {
    let opened = try BackupFile.open(truth.specification(), setNumber: truth.setNumber)
    let byteCount = try InputFile(path: SourceFiles(truth.specification()).base[0]).byteCount
    let ids = opened.pageIDs(dataFileByteCount: byteCount)
    #expect(ids.count > 100)
    _ = try opened.contents(ids)
  }
}
