/// Numbers in the machine's own order.
///
/// Invariant of every function here: the caller has checked the length of the whole value, once.
extension UnsafeRawBufferPointer {
  @inline(__always)
  func load16(_ offset: Int = 0) -> Int16 { load(offset) }

  @inline(__always)
  func load32(_ offset: Int) -> Int32 { load(offset) }

  @inline(__always)
  func load64(_ offset: Int) -> Int64 { load(offset) }

  @inline(__always)
  private func load<Number: BitwiseCopyable>(_ offset: Int) -> Number {
    assert(offset >= 0 && offset + MemoryLayout<Number>.size <= count)
    return loadUnaligned(fromByteOffset: offset, as: Number.self)
  }
}
