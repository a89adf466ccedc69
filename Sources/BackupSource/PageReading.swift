/// A page of a database: {file, page} as page headers and pointers give it.
struct PageID: Hashable, Comparable, Sendable, CustomStringConvertible {
  var file: UInt16
  var page: UInt32

  /// No page: what a pointer of six zero bytes means.
  static let none = PageID(file: 0, page: 0)

  static func < (left: PageID, right: PageID) -> Bool {
    left.file == right.file ? left.page < right.page : left.file < right.file
  }

  var description: String { "\(file):\(page)" }
}

/// Gives the pages of a database, wherever they lie: in a data file, a plain backup or a compressed one.
///
/// Callable from several threads at once. The reader above (catalog, rows) sees nothing but this.
protocol PageReading: Sendable {
  /// File name for error messages, without its folder.
  var fileName: String { get }
  /// Bytes of all pages together: more than values in them can have.
  var byteCount: Int { get }

  /// Copies one page, torn bits put back and its checksum verified, into `buffer`.
  ///
  /// The buffer has 8192 bytes. Throws `damaged` when the page's checksum is wrong, the page calls
  /// itself by another number or is not in the file.
  func readPage(_ id: PageID, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError)
}
