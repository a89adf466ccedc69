/// What a compressed backup expands to, piece by piece on demand.
final class ExpandedStream: ByteStream {
  let fileName: String
  let byteCount: Int

  init(_ file: InputFile) throws(BackupError) {
    fileName = file.fileName
    byteCount = 0
    throw BackupError(.refusedKind, file: fileName, problem: "is a compressed backup")
  }
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) {}
}
