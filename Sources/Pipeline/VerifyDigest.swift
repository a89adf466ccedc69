import Staging

/// A digest of rows in buckets: equal digests mean equal rows, whatever their order, and where two
/// differ they tell in which small part of the rows to look.
struct BucketDigest: Hashable, Sendable {
  static let bucketCount = 4_096

  private(set) var rows = Array(repeating: 0, count: bucketCount)
  private(set) var byteCount = 0
  private var sums = Array(repeating: 0 as UInt128, count: bucketCount)

  mutating func add(_ record: UnsafeRawBufferPointer) {
    let hash = ContentDigest.hash(of: record)
    let bucket = Self.bucket(of: hash)
    rows[bucket] += 1
    sums[bucket] &+= hash
    byteCount += record.count
  }

  /// Buckets that do not hold the same rows.
  func buckets(differingFrom other: BucketDigest) -> [Int] {
    (0..<Self.bucketCount).filter { rows[$0] != other.rows[$0] || sums[$0] != other.sums[$0] }
  }

  static func bucket(of hash: UInt128) -> Int { Int(truncatingIfNeeded: hash >> 116) }
}

/// Counts, hash by hash, how many more rows the snapshot has than the target; holds the hashes of
/// some buckets only.
struct HashTally: Sendable {
  private var isWanted = Array(repeating: false, count: BucketDigest.bucketCount)
  /// More than 0 where rows are missing in the target, less where it has too many; never 0.
  private(set) var surplus: [UInt128: Int] = [:]

  init(buckets: [Int]) {
    for bucket in buckets { isWanted[bucket] = true }
  }

  mutating func count(_ record: UnsafeRawBufferPointer, by step: Int) {
    let hash = ContentDigest.hash(of: record)
    guard isWanted[BucketDigest.bucket(of: hash)] else { return }
    let sum = surplus[hash, default: 0] + step
    surplus[hash] = sum == 0 ? nil : sum
  }
}

/// The rows that are not on both sides, by their hashes.
struct HashDifferences: Sendable {
  /// How many rows with this hash the target lacks.
  var missing: [UInt128: Int] = [:]
  /// How many rows with this hash the target has too many.
  var extra: [UInt128: Int] = [:]
  /// Whether there are more than was looked for.
  var isCutShort = false

  mutating func add(_ tally: HashTally) {
    for (hash, surplus) in tally.surplus {
      if surplus > 0 { missing[hash] = surplus } else { extra[hash] = -surplus }
    }
  }
}

/// Cuts buckets into groups whose rows are counted in one pass, by their number of rows on both sides.
func groups(
  of buckets: [Int], rowCountMax: Int, rows: (Int) -> Int
) -> [[Int]] {
  var groups: [[Int]] = []
  var room = 0
  for bucket in buckets {
    let rowCount = rows(bucket)
    if groups.isEmpty || rowCount > room {
      groups.append([])
      room = rowCountMax
    }
    groups[groups.count - 1].append(bucket)
    room -= rowCount
  }
  return groups
}

/// Bounds of a proof. Everything that grows with the differences has its number here.
public struct VerifyLimits: Sendable {
  /// Row hashes in memory at a time, both sides together (some 50 bytes each).
  public var hashCountMax = 1 << 20
  /// How often both sides are read to count differing rows; with more of them the counts are cut
  /// short.
  public var passCountMax = 8
  /// Rows named for each table.
  public var exampleCountMax = 20

  public init() {}
}
