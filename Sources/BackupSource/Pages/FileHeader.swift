extension PageReading {
  /// The 16 bytes by which SQL Server knows that a file belongs to its database: the first
  /// variable-length column of the file header record. All files of a database have the same.
  func bindingID(ofFile file: UInt16) throws(BackupError) -> [UInt8] {
    let id = PageID(file: file, page: 0)
    var page = [UInt8](repeating: 0, count: PageLayout.byteCount)
    try page.withBuffer { (buffer) throws(BackupError) in try readPage(id, into: buffer) }
    let bytes = page.span.bytes
    let record = PageLayout.headerByteCount
    guard
      let fixedEnd = bytes.uint16(at: record + 2).map(Int.init),
      let columnCount = bytes.uint16(at: record + fixedEnd).map(Int.init),
      case let variable = record + fixedEnd + 2 + (columnCount + 7) / 8,
      let variableCount = bytes.uint16(at: variable).map(Int.init),
      case let start = variable + 2 + 2 * variableCount, bytes.holds(16, at: start)
    else { throw damaged(id, "holds no file header record") }
    return Array(page[start..<start + 16])
  }
}
