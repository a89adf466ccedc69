/// The pages of a database given as its data files: an .mdf, and its .ndf files if it has any.
///
/// Page n of a file stands at n × 8192.
final class DataFilePages: PageReading {
  let fileName: String
  private let files: [UInt16: any ByteStream]

  var byteCount: Int { files.values.reduce(0) { $0 + $1.byteCount } }

  /// Takes the file that holds the boot page, and further files of the same database in any order.
  ///
  /// Throws `refusedKind` when the files' own numbers do not fit together, `truncated` when a file
  /// ends before its last allocated extent.
  init(primary: any ByteStream, secondary: [any ByteStream] = []) throws(BackupError) {
    fileName = primary.fileName
    var files: [UInt16: any ByteStream] = [:]
    for file in [primary] + secondary {
      let id = try Self.fileID(of: file)
      try Self.requireNoLog(file)
      guard files[id] == nil else {
        throw BackupError(
          .refusedKind, file: file.fileName,
          problem: "calls itself file \(id), as another file does",
          advice: "give the data files of one database, each once")
      }
      files[id] = file
    }
    self.files = files
    guard files[1] != nil else {
      throw BackupError(
        .refusedKind, file: fileName, problem: "is not the first data file of its database",
        advice: "give the .mdf file and its .ndf files together")
    }
    for (id, file) in files.sorted(by: { $0.key < $1.key }) {
      try requireAllocatedExtents(ofFile: id, file)
    }
    try requireOneDatabase()
  }

  func readPage(_ id: PageID, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) {
    guard let file = files[id.file] else {
      throw BackupError(
        .damaged, file: fileName, place: "page \(id)",
        problem: "the page lies in file \(id.file) of the database, which was not given",
        advice: "give all its data files: FILE.mdf,FILE.ndf")
    }
    let offset = Int(id.page) * PageLayout.byteCount
    try file.requireBytes(PageLayout.byteCount, at: offset, place: "page \(id)")
    try file.read(at: offset, into: buffer)
    try check(buffer, is: id, at: offset, of: file)
  }

  /// Byte 36 of page 0 is the file's own number.
  private static func fileID(of file: any ByteStream) throws(BackupError) -> UInt16 {
    let page = try file.structure(at: 0, count: PageLayout.byteCount, place: "file header page")
    guard let header = PageHeader(page.bytes.span.bytes), header.type == .fileHeader,
      header.id.page == 0, header.id.file > 0
    else {
      throw BackupError(
        .notABackup, file: file.fileName, offset: 0,
        problem: "does not begin with a file header page",
        advice: "give a data file (.mdf, .ndf) of SQL Server 2005 or later")
    }
    return header.id.file
  }

  /// Log files begin with a file header page as well; behind it stands the header of their first part,
  /// where a data file has a page.
  private static func requireNoLog(_ file: any ByteStream) throws(BackupError) {
    let start = PageLayout.byteCount
    guard file.byteCount > start,
      try file.structure(at: start, count: 1, place: "page 1").uint8(at: 0) == 0xAB
    else { return }
    throw BackupError(
      .refusedKind, file: file.fileName, problem: "is a transaction log file (.ldf)",
      advice: "give the data files only: FILE.mdf,FILE.ndf")
  }

  private func requireOneDatabase() throws(BackupError) {
    guard files.count > 1 else { return }
    let owner = try bindingID(ofFile: 1)
    for (id, file) in files.sorted(by: { $0.key < $1.key })
    where try bindingID(ofFile: id) != owner {
      throw BackupError(
        .refusedKind, file: file.fileName,
        problem: "belongs to another database than \(fileName)",
        advice: "give the data files of one database")
    }
  }

  /// A data file cut off in the middle still has its allocation maps, which name what is missing.
  private func requireAllocatedExtents(
    ofFile id: UInt16, _ file: any ByteStream
  ) throws(BackupError) {
    guard file.byteCount <= AllocationInterval.fileByteCountMax else {
      throw BackupError(
        .damaged, file: file.fileName,
        problem: "has \(file.byteCount) bytes, more than any data file",
        advice: "fetch the file again")
    }
    var map = AllocationBitmap()
    for interval in 0..<AllocationInterval.count(forPages: file.byteCount / PageLayout.byteCount) {
      let first = AllocationInterval.firstPage(interval)
      try map.load(self, PageID(file: id, page: AllocationInterval.mapPage(.global, interval)))
      guard let extent = map.lastExtent(marked: false) else { continue }
      let end = (Int(first) + (extent + 1) * PageLayout.pagesPerExtent) * PageLayout.byteCount
      try file.requireBytes(
        0, at: end, place: "extent \(extent) of GAM interval \(interval), file \(id)")
    }
  }
}
