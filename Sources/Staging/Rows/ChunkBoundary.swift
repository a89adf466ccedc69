/// Where chunks end: decided by each row's own bytes, so that the same rows give the same chunks
/// however many rows came before them.
struct ChunkBoundary {
  private let byteCountMin: Int
  private let byteCountMax: Int
  /// What lies between the minimum and the average.
  private let span: Int

  init(_ limits: StagingLimits) {
    byteCountMin = limits.chunkByteCountMin
    byteCountMax = limits.chunkByteCountMax
    span = max(1, limits.chunkByteCountAverage - limits.chunkByteCountMin)
  }

  /// Whether the chunk ends behind this row.
  ///
  /// The hash must end in so many zero bits that rows of this length make a chunk of average size:
  /// long rows are likelier to end one than short rows are.
  ///
  /// - Parameters:
  ///   - keyHash: XXH3-64 of the row's source key, or of the whole row.
  ///   - chunkByteCount: With this row.
  func follows(keyHash: UInt64, rowByteCount: Int, chunkByteCount: Int) -> Bool {
    if chunkByteCount < byteCountMin { return false }
    if chunkByteCount >= byteCountMax { return true }
    let zeroBitCount = max(0, Self.bitWidth(span) - Self.bitWidth(rowByteCount))
    return keyHash.trailingZeroBitCount >= zeroBitCount
  }

  private static func bitWidth(_ value: Int) -> Int { Int.bitWidth - value.leadingZeroBitCount }
}
