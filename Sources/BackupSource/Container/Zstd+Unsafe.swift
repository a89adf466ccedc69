import CZstd

/// ZSTD, the algorithm that SQL Server 2025 offers beside MS_XPRESS: a record is one frame.
enum Zstd {
  enum Failure: Error, Hashable {
    case noFrame
    /// In the library's words.
    case damaged(String)
    /// The frame has other bytes than the record says.
    case wrongLength(Int)
  }

  static let frameMagic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]

  /// Decodes into the whole of `output`. The library writes inside of it and reads inside `input`,
  /// whatever the frame says.
  static func expand(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(PieceFailure) {
    guard input.starts(with: frameMagic) else { throw .zstd(.noFrame) }
    let count = ZSTD_decompress(output.baseAddress, output.count, input.baseAddress, input.count)
    guard ZSTD_isError(count) == 0 else {
      throw .zstd(.damaged(String(cString: ZSTD_getErrorName(count))))
    }
    guard count == output.count else { throw .zstd(.wrongLength(count)) }
  }
}
