import Catalog
import Foundation
import Statements
import TestSupport
import Testing

@Suite("Every situation, executed on PostgreSQL night after night")
struct ScenarioTests {
  @Test(
    "each night counts what it should, proves, and is quiet the second time",
    arguments: Situation.all)
  func nights(_ situation: Situation) throws {
    let target = try Target(situation.database)
    for (number, night) in situation.nights.enumerated() {
      try check(night, on: target, "\(situation.name), night \(number + 1)")
    }
  }

  @Test(
    "the first night comes out the same with keys made after the rows", arguments: Situation.all)
  func firstNightWithoutConstraints(_ situation: Situation) throws {
    let target = try Target(situation.database, withConstraints: false)
    guard let first = situation.nights.first, first.expected.contains(":") else { return }
    try target.load(first.rows)
    try target.addConstraints()
    #expect(try target.counts() == first.expected)
  }

  private func check(_ night: Situation.Night, on target: Target, _ title: String) throws {
    guard night.expected.contains(":") || night.expected.isEmpty else {
      try checkFailure(night, on: target, title)
      return
    }
    try target.load(night.rows)
    #expect(try target.counts() == night.expected, "\(title)")
    try checkProof(night, on: target, title)

    let before = try target.traces()
    try target.load(night.rows)
    #expect(try target.traces() == before, "\(title), once more: something was written")
    let quiet = try target.counts()
    for kind in ["inserted", "updated", "vanished", "returned", "matched"] {
      #expect(!quiet.contains(" \(kind)"), "\(title), once more: \(quiet)")
    }
    try checkProof(night, on: target, "\(title), once more")
  }

  private func checkFailure(_ night: Situation.Night, on target: Target, _ title: String) throws {
    let before = try? target.traces()
    let error = #expect(throws: ShellFailure.self) { try target.load(night.rows) }
    #expect(
      error?.description.contains("ERROR:  \(night.expected): ") == true,
      "\(title): \(error?.description ?? "")")
    if let before { #expect(try target.traces() == before, "\(title) left something behind") }
  }

  private func checkProof(_ night: Situation.Night, on target: Target, _ title: String) throws {
    for (index, table) in target.database.tables.enumerated() {
      guard let rows = night.rows[table.source.name] else { continue }
      let counts = try target.proof(of: index, "counts.sql").split(separator: "|").compactMap {
        Int($0)
      }
      #expect(counts.first == rows.count, "\(title): counts of \(table.source) are \(counts)")
      #expect(counts.count == 3 && counts[0] == counts[1] + counts[2], "\(title): \(counts)")
      let keys = try target.proof(of: index, "keys.sql").split(separator: "|")
      #expect(
        keys.count == 3 && keys[0] == keys[1], "\(title): keys of \(table.source) are \(keys)")
      let orphans = try target.proof(of: index, "orphans.sql").split(separator: "\n")
      #expect(orphans.allSatisfy { $0 == "0" }, "\(title): orphans of \(table.source): \(orphans)")
      guard night.isProven else { continue }
      let expected = rows.isEmpty ? [""] : rows.sorted()
      #expect(try target.content(of: index) == expected, "\(title): content of \(table.source)")
    }
  }
}
