/// The pages of a database inside its backup: a map of extents over one stream or several.
///
/// Nothing of the files is kept in memory; each page is read where it lies when it is asked for.
final class BackupPages: PageReading {
  let fileName: String
  let map: PageMap
  private let streams: [any ByteStream]

  var byteCount: Int { map.extentCount * PageLayout.extentByteCount }

  init(fileName: String, map: PageMap, streams: [any ByteStream]) {
    self.fileName = fileName
    self.map = map
    self.streams = streams
  }

  func readPage(_ id: PageID, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) {
    guard let place = map.place(of: id) else {
      throw BackupError(
        .damaged, file: fileName, place: "page \(id)",
        problem: "the backup does not hold this page",
        advice: "take the backup again, or run DBCC CHECKDB where the database is")
    }
    let stream = streams[place.stream]
    try stream.read(at: place.offset, into: buffer)
    try check(buffer, is: id, at: place.offset, of: stream)
  }
}
