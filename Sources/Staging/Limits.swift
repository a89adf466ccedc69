/// Every bound of this module: bytes held in memory, bytes in a chunk, bytes PostgreSQL can take.
///
/// Memory of one table in flight is `rowBufferByteCount` and twice `keyByteCountMax`, whatever the
/// sizes of its rows and chunks.
public struct StagingLimits: Hashable, Sendable {
  /// What the first chunks of a table come to on average. Changing this, or one of the next three, moves
  /// all boundaries, so that the next export has no chunk in common with the one before.
  public var chunkByteCountAverageMin = 256 << 10
  /// What chunks come to on average at most, however many rows came before them.
  public var chunkByteCountAverageMax = 16 << 20
  /// In between, chunks have about this part of the rows before them.
  public var chunkShareOfRowsBefore = 64
  /// The first row that reaches it ends the chunk, so a chunk is larger by at most one row.
  public var chunkByteCountMax = 64 << 20
  /// Rows are encoded into one buffer of this size; a longer row streams through it. At least 512.
  public var rowBufferByteCount = 1 << 20
  /// A longer CSV line is a reject: PostgreSQL's COPY holds a line in one allocation, and those end
  /// at 1 GiB (MaxAllocSize).
  public var rowByteCountMax = (1 << 30) - 1024
  /// A row whose key has more bytes cannot be written. SQL Server's own keys end at 1,700 bytes.
  public var keyByteCountMax = 64 << 10

  public init() {}
}
