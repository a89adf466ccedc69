import Catalog
import Staging
import Testing

@Suite("Rows as CSV")
struct TableWriterTests {
  private func print(
    _ types: [ColumnType], keyCount: Int = 0, limits: StagingLimits = StagingLimits(),
    _ row: (inout TableWriter) throws -> Void
  ) throws -> String {
    let folder = try ScratchFolder()
    let table = makeTable(types, keyCount: keyCount)
    let manifest = try writeSnapshot(table, into: folder.path, limits: limits) { writer in
      writer.beginRow()
      try row(&writer)
      try writer.endRow()
    }
    return try csv(manifest, in: folder.path)
  }

  @Test("NULL is an empty field and the empty string two quotes")
  func nullAndEmpty() throws {
    let text = ColumnType(.varchar, length: 10)
    let line = try print([text, text, text]) { writer in
      writer.writeNull()
      writer.write(utf8: UnsafeRawBufferPointer(start: nil, count: 0))
      writer.write(utf16: UnsafeRawBufferPointer(start: nil, count: 0))
    }
    #expect(line == ",\"\",\"\"\n")
  }
}
