/// Where chunks end: decided by each row's own bytes, so that the same rows give the same chunks whatever
/// rows came before them.
///
/// The first chunks of a table are small, and later ones as long as a share of the rows before them: a table
/// that grew at its end has one chunk to be read again, a small part of it, and a large table still has not
/// too many. A row here or there before a boundary moves it only where that share comes to another power of two.
struct ChunkBoundary {
  private let averageExponentMin: Int
  private let averageExponentMax: Int
  private let byteCountMax: Int
  private let share: Int

  init(_ limits: StagingLimits) {
    averageExponentMin = Self.exponent(limits.chunkByteCountAverageMin)
    averageExponentMax = Self.exponent(limits.chunkByteCountAverageMax)
    byteCountMax = limits.chunkByteCountMax
    share = limits.chunkShareOfRowsBefore
  }

  /// Whether the chunk ends behind this row.
  ///
  /// The hash must end in so many zero bits that rows of this length make a chunk of average size: long
  /// rows are likelier to end one than short rows are. No chunk has less than a quarter of the average's
  /// rows or more than four times as many.
  ///
  /// - Parameters:
  ///   - keyHash: XXH3-64 of the row's source key, or of the whole row.
  ///   - chunk: Rows and bytes of the chunk, with this row.
  ///   - rowsBefore: Rows of the table before the chunk; about as many will do.
  func follows(
    keyHash: UInt64, rowByteCount: Int, chunk: (rows: Int, bytes: Int), rowsBefore: Int
  ) -> Bool {
    if chunk.bytes >= byteCountMax { return true }
    let rowExponent = Self.exponent(rowByteCount) + 1
    let wanted = max(
      Self.exponent(rowsBefore / share), averageExponentMin - rowExponent)
    let zeroBitCount = max(0, min(wanted, averageExponentMax - rowExponent))
    let averageRowCount = 1 << zeroBitCount
    if chunk.rows < averageRowCount / 4 { return false }
    return chunk.rows >= averageRowCount * 4 || keyHash.trailingZeroBitCount >= zeroBitCount
  }

  /// Of the largest power of two that is not above the value; 0 for 0.
  private static func exponent(_ value: Int) -> Int {
    max(0, Int.bitWidth - 1 - value.leadingZeroBitCount)
  }
}
