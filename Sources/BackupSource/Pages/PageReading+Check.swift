extension PageReading {
  /// What follows every read of a page: bits put back, checksum verified, and the page's own
  /// number compared with the one that was asked for.
  ///
  /// Call it for pages that the PFS calls allocated; others may hold anything. The offset is where
  /// the page stands in the file, for messages.
  func check(
    _ page: UnsafeMutableRawBufferPointer, is id: PageID, at offset: Int, of stream: any ByteStream
  ) throws(BackupError) {
    if let header = PageHeader(page.bytes), header.isEncryptedMap {
      throw encrypted(id, fileName: stream.fileName, offset: stream.fileOffset(of: offset))
    }
    switch PageIntegrity.restore(page) {
    case .intact: break
    case .torn(let sector):
      throw damaged(
        id, at: offset, of: stream, "is torn: its sector \(sector) is from another write")
    case .wrongChecksum(let stored, let computed):
      throw damaged(
        id, at: offset, of: stream,
        "carries the checksum \(hex(stored)) and its bytes give \(hex(computed))")
    }
    guard let header = PageHeader(page.bytes), header.version == 1, header.id == id else {
      let found = PageHeader(page.bytes)
      let name =
        found?.version == 1 ? "names itself \(found?.id ?? .none)" : "has no page header"
      throw damaged(id, at: offset, of: stream, name)
    }
  }

  func damaged(
    _ id: PageID, at offset: Int, of stream: any ByteStream, _ problem: String
  ) -> BackupError {
    damaged(id, problem, offset: stream.fileOffset(of: offset), fileName: stream.fileName)
  }

  /// Transparent data encryption leaves page headers readable and everything behind them noise.
  func encrypted(_ id: PageID, fileName: String? = nil, offset: Int? = nil) -> BackupError {
    BackupError(
      .refusedKind, file: fileName ?? self.fileName, offset: offset, place: "page \(id)",
      problem: "the database is encrypted (TDE)",
      advice: "turn encryption off (ALTER DATABASE … SET ENCRYPTION OFF) and take a new backup")
  }

  /// A page that is not what it should be, wherever it lies.
  func damaged(_ id: PageID, _ problem: String) -> BackupError {
    damaged(id, problem, offset: nil, fileName: fileName)
  }

  private func damaged(
    _ id: PageID, _ problem: String, offset: Int?, fileName: String
  ) -> BackupError {
    BackupError(
      .damaged, file: fileName, offset: offset, place: "page \(id)",
      problem: "the page \(problem)",
      advice: "take the backup again, or run DBCC CHECKDB where the database is")
  }
}

private func hex(_ word: UInt32) -> String { "0x" + String(word, radix: 16, uppercase: true) }
