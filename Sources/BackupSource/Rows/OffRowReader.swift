/// Reads values that are not kept in their row (section 13), piece by piece and in order, whatever
/// their size. For one thread.
///
///     if try reader.open(pointer) {            // false: the value is NULL
///       while let piece = try reader.next() { … }   // valid until the next call
///     }
final class OffRowReader {
  /// A tree of 2 GB with the fewest links a node holds is not deeper.
  private static let depthMax = 16
  /// More than any value of SQL Server has (2 GB); sums of sizes up to it cannot overflow.
  private static let byteCountMax: UInt64 = 1 << 32

  private enum FragmentType {
    static let smallRoot: UInt16 = 0
    static let `internal`: UInt16 = 2
    static let data: UInt16 = 3
    static let largeRootOf2000: UInt16 = 4
    static let largeRoot: UInt16 = 5
    static let null: UInt16 = 8
  }

  /// A list of links that is being followed.
  private struct Node {
    var links: UnsafeRawBufferPointer
    /// 12 with a u32 size, 16 with a u64 size.
    var linkByteCount: Int
    var index = 0
    /// Sizes are cumulative within a node.
    var sizeBefore: UInt64 = 0
  }

  /// What was found behind a link.
  private enum Fragment {
    case data(UnsafeRawBufferPointer)
    case null
    case node
  }

  private let pages: any PageReading
  private var buffers: [PageBuffer] = []
  private var nodes: [Node] = []
  private var pending: UnsafeRawBufferPointer?
  /// Bytes that were given out since `open`.
  private var givenByteCount: UInt64 = 0
  /// What all values read so far take in their pages. No piece belongs to two values, so this stays
  /// below the bytes of all pages; where it does not, links lead to the same pieces again and again.
  private var takenByteCount = 0
  private let takenByteCountMax: Int
  /// Where each open node must end, in bytes since `open`.
  private var endOffsets: [UInt64] = []

  /// - Parameter readCount: How often each value is read at most.
  init(_ pages: any PageReading, readCount: Int = 1) {
    self.pages = pages
    takenByteCountMax = readCount * pages.byteCount
  }

  /// Starts reading a value.
  ///
  /// - Parameter pointer: The complex value of the record: a text pointer or an inline root.
  /// - Returns: `false` when the value is NULL, as legacy text set to NULL by an update is.
  func open(_ pointer: UnsafeRawBufferPointer) throws(BackupError) -> Bool {
    nodes.removeAll(keepingCapacity: true)
    endOffsets.removeAll(keepingCapacity: true)
    pending = nil
    givenByteCount = 0
    if pointer.count == 16 {
      switch try fragment(page: pointer.pageID(at: 8), slot: Int(pointer.uint16(at: 14))) {
      case .data(let bytes): pending = bytes
      case .null: return false
      case .node: break
      }
      return true
    }
    guard pointer.count >= 24, pointer.count % 12 == 0,
      pointer.uint8(at: 0) == 2 || pointer.uint8(at: 0) == 4
    else {
      throw BackupError(
        .unknown, file: pages.fileName,
        problem: "an off-row pointer of \(pointer.count) bytes, kind \(pointer.first ?? 0)")
    }
    nodes.append(Node(links: pointer.slice(12..<pointer.count), linkByteCount: 12))
    endOffsets.append(UInt64.max)
    return true
  }

  /// The next piece of the value, nil at its end. Valid until the next call.
  func next() throws(BackupError) -> UnsafeRawBufferPointer? {
    if let piece = pending {
      pending = nil
      givenByteCount += UInt64(piece.count)
      return piece
    }
    while var node = nodes.popLast(), let end = endOffsets.popLast() {
      let linkCount = node.links.count / node.linkByteCount
      guard node.index < linkCount else {
        guard end == .max || givenByteCount == end else {
          throw lengthMismatch(expected: end)
        }
        continue
      }
      let link = node.links.slice(
        node.index * node.linkByteCount..<(node.index + 1) * node.linkByteCount)
      let isWide = node.linkByteCount == 16
      let size = isWide ? link.uint64(at: 0) : UInt64(link.uint32(at: 0))
      guard size >= node.sizeBefore, size <= Self.byteCountMax,
        givenByteCount + (size - node.sizeBefore) <= end
      else {
        throw BackupError(
          .damaged, file: pages.fileName,
          problem: "the sizes of an off-row value's pieces do not fit each other")
      }
      let expected = givenByteCount + (size - node.sizeBefore)
      let isEmpty = size == node.sizeBefore
      node.sizeBefore = size
      node.index += 1
      nodes.append(node)
      endOffsets.append(end)
      // Nothing to read, and every link that is followed brings the end nearer: no circle of nodes
      // can be walked for ever.
      if isEmpty { continue }
      let base = isWide ? 8 : 4
      switch try fragment(page: link.pageID(at: base), slot: Int(link.uint16(at: base + 6))) {
      case .null:
        throw BackupError(
          .damaged, file: pages.fileName, place: "page \(link.pageID(at: base))",
          problem: "a piece of an off-row value is marked NULL")
      case .node:
        endOffsets[endOffsets.count - 1] = expected
      case .data(let bytes):
        givenByteCount += UInt64(bytes.count)
        guard givenByteCount == expected else { throw lengthMismatch(expected: expected) }
        return bytes
      }
    }
    return nil
  }

  /// Reads the fragment that a link points at; a node is pushed.
  private func fragment(page: PageID, slot: Int) throws(BackupError) -> Fragment {
    // Each depth has its own buffer: the links of the nodes above stay readable, and values that
    // share a page one after the other read it once.
    guard nodes.count < Self.depthMax else {
      throw pages.damaged(page, slot: slot, "an off-row value is nested too deep")
    }
    while buffers.count <= nodes.count { buffers.append(PageBuffer()) }
    let buffer = buffers[nodes.count]
    try buffer.load(page, from: pages)
    let type = buffer.type
    guard type == .textMix || type == .textTree else {
      throw pages.damaged(page, "is of type \(type.rawValue), not 3 or 4 (text)")
    }
    do throws(Fault) {
      guard let reach = try buffer.record(slot: slot), reach.count >= 14 else {
        throw Fault.damaged("an off-row value points at an empty slot")
      }
      let length = Int(reach.uint16(at: 2))
      guard length >= 14 && length <= reach.count else {
        throw Fault.damaged("a text record of \(length) bytes does not fit its page")
      }
      takenByteCount += length
      guard takenByteCount <= takenByteCountMax else {
        throw Fault.damaged("off-row values have more bytes than the pages that hold them")
      }
      return try fragment(reach.slice(0..<length))
    } catch {
      throw error.at(pages.place(page, slot: slot), file: pages.fileName)
    }
  }

  private func fragment(_ record: UnsafeRawBufferPointer) throws(Fault) -> Fragment {
    let type = record.uint16(at: 12)
    switch type {
    case FragmentType.data:
      return .data(record.slice(14..<record.count))
    case FragmentType.null:
      return .null
    case FragmentType.smallRoot:
      guard record.count >= 20, 20 + Int(record.uint16(at: 14)) <= record.count else {
        throw .damaged("a small root does not fit its record of \(record.count) bytes")
      }
      return .data(record.slice(20..<20 + Int(record.uint16(at: 14))))
    case FragmentType.internal:
      try push(record, linksStart: 20, linkByteCount: 16)
    case FragmentType.largeRoot, FragmentType.largeRootOf2000:
      try push(record, linksStart: 24, linkByteCount: 12)
    default:
      throw .unknown("a text record of type \(type)")
    }
    return .node
  }

  private func push(
    _ record: UnsafeRawBufferPointer, linksStart: Int, linkByteCount: Int
  ) throws(Fault) {
    guard record.count >= linksStart else {
      throw .damaged("a node of an off-row value has only \(record.count) bytes")
    }
    let end = linksStart + Int(record.uint16(at: 16)) * linkByteCount
    guard end <= record.count else {
      throw .damaged("the links of an off-row value do not fit their record")
    }
    nodes.append(Node(links: record.slice(linksStart..<end), linkByteCount: linkByteCount))
    endOffsets.append(.max)
  }

  private func lengthMismatch(expected: UInt64) -> BackupError {
    BackupError(
      .damaged, file: pages.fileName,
      problem: "an off-row value has \(givenByteCount) bytes where its links promise \(expected)")
  }
}
