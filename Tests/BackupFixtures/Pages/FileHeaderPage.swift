/// Page 0 of a data file, type 15: one record that says what the file is.
///
/// The record has 54 columns in the layout of version 869; the values that nobody reads are zeros of
/// the length that real files have.
enum FileHeaderPage {
  static func image(
    _ file: DataFile, pageCount: Int, name: String, database: UInt32
  ) -> PageImage {
    var page = PageImage(.fileHeader, at: file.address(0), unit: PageImage.allocationUnit)
    let values = variableValues(file, pageCount: pageCount, name: name, database: database)
    var record: [UInt8] = [0x30, 0, 8, 0, 0, 0, 0, 0, 0x36, 0] + [UInt8](repeating: 0, count: 7)
    record.append(values.count, bytes: 2)
    var end = record.count + 2 * values.count
    for value in values {
      end += value.count
      record.append(end, bytes: 2)
    }
    page.append(record + values.flatMap { $0 })
    return page
  }

  private static func variableValues(
    _ file: DataFile, pageCount: Int, name: String, database: UInt32
  ) -> [[UInt8]] {
    let lengths = [
      16, 0, 2, 2, 4, 4, 4, 4, 10, 10, 10, 0, 4, 4, 4, 4, 10, 28, 10, 10, 10, 16, 10, 16, 4, 10, 0,
      26, 16, 0, 0, 0, 0, 0, 0, 16, 0, 0, 10, 10, 28, 10, 16, 28, 8, 600, 0, 0, 2, 10, 4, 4, 4,
    ]
    var values = lengths.map { [UInt8](repeating: 0, count: $0) }
    values[0].put(database, bytes: 4, at: 0)
    values[2] = littleEndian(file.id, bytes: 2)
    values[3] = littleEndian(1, bytes: 2)
    values[4] = littleEndian(pageCount, bytes: 4)
    values[5] = littleEndian(UInt32.max, bytes: 4)
    values[6] = littleEndian(0x2000, bytes: 4)
    let logicalName = utf16Bytes(name)
    values[45].put(Array(logicalName.prefix(256)), at: 0)
    return values
  }
}
