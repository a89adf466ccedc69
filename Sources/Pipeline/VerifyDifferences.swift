// Names the rows of one table that are not the same on both sides, with bounded memory.
//
// First the hashes of differing rows are counted, bucket by bucket. Then each side is read again, and
// the rows with such a hash are taken apart: a row of the snapshot and one of the target under the
// same source key are one row that differs. (Where the counts were cut short, the other half of such
// a pair may be among what was not counted: it appears as missing or extra.)

import Report
import Staging

/// What was found about the rows of one table.
struct RowDifferences: Sendable {
  var missing = 0
  var extra = 0
  var differing = 0
  var isCutShort = false
  var examples: [Verification.Example] = []
}

/// Looks for the differing rows of one table.
struct DifferenceSearch: Sendable {
  let sides: VerifySides
  let shape: RecordShape
  let limits: VerifyLimits

  /// - Parameters:
  ///   - snapshot: Digest of the snapshot's rows.
  ///   - target: Digest of the target's.
  func run(_ snapshot: BucketDigest, _ target: BucketDigest) async throws -> RowDifferences {
    let hashes = try await differingHashes(snapshot, target)
    var extraKeys = ExtraKeys(counts: hashes.extra, shape: shape)
    if shape.hasKey, !hashes.missing.isEmpty, !hashes.extra.isEmpty {
      extraKeys = try await sides.readTarget(into: extraKeys) { try $0.add($1) }
    }
    var missing = MissingRows(hashes.missing, extraKeys.keys, self)
    if !hashes.missing.isEmpty {
      missing = try await sides.readSnapshot(into: missing) { try $0.add($1) }
    }
    var extra = ExtraRows(hashes.extra, missing, self)
    if !hashes.extra.isEmpty {
      extra = try await sides.readTarget(into: extra) { try $0.add($1) }
    }
    return summary(missing, extra, isCutShort: hashes.isCutShort)
  }

  private func differingHashes(
    _ snapshot: BucketDigest, _ target: BucketDigest
  ) async throws -> HashDifferences {
    let groups = groups(
      of: snapshot.buckets(differingFrom: target), rowCountMax: limits.hashCountMax
    ) { snapshot.rows[$0] + target.rows[$0] }
    var found = HashDifferences()
    for (number, group) in groups.enumerated() {
      // What is found stays in memory beside what is counted.
      guard number < limits.passCountMax,
        found.missing.count + found.extra.count < limits.hashCountMax
      else {
        found.isCutShort = true
        break
      }
      let counted = try await sides.readSnapshot(into: HashTally(buckets: group)) {
        $0.count($1, by: 1)
      }
      found.add(try await sides.readTarget(into: counted) { $0.count($1, by: -1) })
    }
    return found
  }

  private func summary(
    _ missing: MissingRows, _ extra: ExtraRows, isCutShort: Bool
  ) -> RowDifferences {
    RowDifferences(
      missing: missing.missingCount, extra: extra.extraCount, differing: missing.pairCount,
      isCutShort: isCutShort,
      examples: Self.mixed(
        [extra.differingExamples, missing.examples, extra.examples],
        countMax: limits.exampleCountMax))
  }

  /// Takes from each list in turn.
  private static func mixed(
    _ lists: [[Verification.Example]], countMax: Int
  ) -> [Verification.Example] {
    var counts = lists.map { _ in 0 }
    var left = countMax
    while left > 0, lists.indices.contains(where: { counts[$0] < lists[$0].count }) {
      for index in lists.indices where left > 0 && counts[index] < lists[index].count {
        counts[index] += 1
        left -= 1
      }
    }
    return zip(lists, counts).flatMap { $0.prefix($1) }
  }
}

/// The hash of a source key's cells: 16 bytes instead of the cells, of which a table may have many.
struct KeyHash: Hashable, Sendable {
  private let hash: UInt128

  init(_ cells: [[UInt8]?]) {
    var bytes: [UInt8] = []
    for cell in cells {
      // The length in front keeps ("ab", "c") and ("a", "bc") apart; -1 stands for NULL.
      withUnsafeBytes(of: (cell?.count ?? -1).littleEndian) { bytes.append(contentsOf: $0) }
      bytes.append(contentsOf: cell ?? [])
    }
    hash = bytes.withUnsafeBytes { ContentDigest.hash(of: $0) }
  }
}

/// Counts down: whether there is one more of something.
extension Dictionary where Value == Int {
  fileprivate mutating func take(_ key: Key) -> Bool {
    guard let count = self[key] else { return false }
    self[key] = count == 1 ? nil : count - 1
    return true
  }
}

// MARK: - Passes

/// First pass over the target: the keys of the rows that it has too many.
private struct ExtraKeys: Sendable {
  var counts: [UInt128: Int]
  let shape: RecordShape
  var keys: [KeyHash: Int] = [:]

  mutating func add(_ record: UnsafeRawBufferPointer) throws {
    guard shape.hasKey, counts.take(ContentDigest.hash(of: record)) else { return }
    keys[KeyHash(shape.keyCells(try shape.cells(of: record))), default: 0] += 1
  }
}

/// A row that both sides have under one key, in different forms; kept to tell its columns.
private struct Pair: Sendable {
  let key: [Verification.KeyValue]
  let cellHashes: [Int]
}

/// Second pass, over the snapshot: tells rows that the target lacks from rows that it has otherwise.
private struct MissingRows: Sendable {
  private var counts: [UInt128: Int]
  private var extraKeys: [KeyHash: Int]
  private let shape: RecordShape
  private let exampleCountMax: Int

  var missingCount = 0
  var pairCount = 0
  /// How many rows under a key are pairs.
  var pairedKeys: [KeyHash: Int] = [:]
  /// The first of them.
  var pairs: [KeyHash: Pair] = [:]
  var examples: [Verification.Example] = []

  init(_ counts: [UInt128: Int], _ extraKeys: [KeyHash: Int], _ search: DifferenceSearch) {
    self.counts = counts
    self.extraKeys = extraKeys
    shape = search.shape
    exampleCountMax = search.limits.exampleCountMax
  }

  mutating func add(_ record: UnsafeRawBufferPointer) throws {
    guard counts.take(ContentDigest.hash(of: record)) else { return }
    let cells = try shape.cells(of: record)
    let key = KeyHash(shape.keyCells(cells))
    if extraKeys.take(key) {
      addPair(key, cells)
    } else {
      missingCount += 1
      guard examples.count < exampleCountMax else { return }
      examples.append(Verification.Example(kind: .missing, key: shape.keyValues(cells)))
    }
  }

  private mutating func addPair(_ key: KeyHash, _ cells: [[UInt8]?]) {
    pairCount += 1
    pairedKeys[key, default: 0] += 1
    guard pairs.count < exampleCountMax else { return }
    pairs[key] = Pair(key: shape.keyValues(cells), cellHashes: cells.map(\.hashValue))
  }
}

/// Third pass, over the target again: the rows that it has too many, and the columns of the pairs.
private struct ExtraRows: Sendable {
  private var counts: [UInt128: Int]
  private var pairedKeys: [KeyHash: Int]
  private let pairs: [KeyHash: Pair]
  private let shape: RecordShape
  private let exampleCountMax: Int

  var extraCount = 0
  var examples: [Verification.Example] = []
  var differingExamples: [Verification.Example] = []

  init(_ counts: [UInt128: Int], _ missing: MissingRows, _ search: DifferenceSearch) {
    self.counts = counts
    pairedKeys = missing.pairedKeys
    pairs = missing.pairs
    shape = search.shape
    exampleCountMax = search.limits.exampleCountMax
  }

  mutating func add(_ record: UnsafeRawBufferPointer) throws {
    guard counts.take(ContentDigest.hash(of: record)) else { return }
    let cells = try shape.cells(of: record)
    let key = KeyHash(shape.keyCells(cells))
    if pairedKeys.take(key) {
      addPair(key, cells)
      return
    }
    extraCount += 1
    guard examples.count < exampleCountMax else { return }
    examples.append(Verification.Example(kind: .extra, key: shape.keyValues(cells)))
  }

  private mutating func addPair(_ key: KeyHash, _ cells: [[UInt8]?]) {
    guard let pair = pairs[key], differingExamples.count < exampleCountMax else { return }
    let differing = cells.indices.filter { cells[$0].hashValue != pair.cellHashes[$0] }
    differingExamples.append(
      Verification.Example(
        kind: .differing, key: pair.key, columns: differing.map { shape.columns[$0] }))
  }
}
