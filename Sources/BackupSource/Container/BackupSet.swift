/// One backup in a file: what it is and where its pages and its log lie.
struct BackupSet: Sendable {
  /// From 1, in the order of the file.
  let number: Int
  /// As the set's start describes it; page counts are those of the first region.
  var configuration: BackupConfiguration
  /// As the set's end describes it; differs where pages changed while they were copied.
  var finalConfiguration: BackupConfiguration?
  /// Data regions (MSDA) in the order of the file; a later one supersedes an earlier one.
  var regions: [DataRegion] = []
  /// Bytes of transaction log (MSTL). They are not replayed.
  var logByteCount = 0
  /// Types of the server's blocks that hold no pages of data files, and are not read.
  var otherBlocks: Set<Tag> = []

  var type: BackupSetType { configuration.setType }
}

/// Whole pages one after the other, in a stream.
struct DataRegion: Hashable, Sendable {
  /// Where the first page starts.
  let offset: Int
  let pageCount: Int

  var frameCount: Int { pageCount / PageLayout.pagesPerExtent }

  func frameOffset(_ frame: Int) -> Int { offset + frame * PageLayout.extentByteCount }
}

extension DataRegion {
  /// MQDA data are two zero bytes and whole pages, section 3.2.
  init(_ stream: TapeStream, _ source: some ByteStream) throws(BackupError) {
    let (pageCount, rest) = (stream.byteCount - 2).quotientAndRemainder(
      dividingBy: PageLayout.byteCount)
    let start = try source.structure(at: stream.offset, count: 2, place: "MQDA")
    guard rest == 0, start.bytes == [0, 0] else {
      throw start.damaged("\(stream.byteCount) bytes of data that are not two zeros and pages")
    }
    self.init(offset: stream.offset + 2, pageCount: pageCount)
  }
}
