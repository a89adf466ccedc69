import Catalog
import Foundation
import Staging
import TestSupport

@testable import ServerSource

/// Bytes from hex digits; blanks are skipped.
func hex(_ digits: String) -> [UInt8] {
  let nibbles = digits.compactMap(\.hexDigitValue)
  return stride(from: 0, to: nibbles.count - 1, by: 2).map {
    UInt8(nibbles[$0] << 4 | nibbles[$0 + 1])
  }
}

/// A number as it lies in memory.
func native<Number: FixedWidthInteger>(_ numbers: Number...) -> [UInt8] {
  numbers.flatMap { number in withUnsafeBytes(of: number) { Array($0) } }
}

/// The cells that values of one column become, as the lines of a chunk.
///
/// - Parameter write: Writes one value; nil values are written as NULL.
func cells(
  _ type: ColumnType, _ values: [[UInt8]?], codePage: CodePage = .ascii
) throws -> [String] {
  let kind = try CellKind(type)
  return try lines(type, count: values.count) { index, writer in
    guard let value = values[index] else { return writer.writeNull() }
    try value.withUnsafeBytes { bytes in
      try kind.write(bytes, codePage: codePage, into: &writer)
    }
  }
}

/// The cells of a sql_variant column.
func variants(_ values: [(type: String, codePage: Int?, bytes: [UInt8])]) throws -> [String] {
  try lines(ColumnType(.sqlVariant), count: values.count) { index, writer in
    let value = values[index]
    try Array(value.type.utf8).withUnsafeBytes { name in
      try value.bytes.withUnsafeBytes { bytes in
        try VariantValue(baseType: name, codePage: value.codePage, bytes: bytes)
          .write(into: &writer)
      }
    }
  }
}

private func lines(
  _ type: ColumnType, count: Int, _ write: (Int, inout TableWriter) throws -> Void
) throws -> [String] {
  let folder = try TemporaryFolder()
  // The first column keeps a single value from being taken for the end of the data.
  let table = Table(
    name: ObjectName("dbo", "T"),
    columns: [
      Column(id: 1, name: "id", type: ColumnType(.int), isNullable: false),
      Column(id: 2, name: "v", type: type, isNullable: true),
    ])
  let snapshot = try SnapshotWriter(folder: folder.path + "/s")
  try snapshot.begin(Database(name: "d", serverVersion: "v", tables: [table]))
  var writer = try snapshot.makeTableWriter(for: table)
  for index in 0..<count {
    writer.beginRow()
    writer.write(integer: Int64(index))
    try write(index, &writer)
    try writer.endRow()
  }
  let manifest = try writer.finish(order: .physical)
  var text = ""
  for chunk in manifest.chunks {
    let path = "\(folder.path)/s/data/\(manifest.folder)/\(chunk.file)"
    text += try String(contentsOfFile: path, encoding: .utf8)
  }
  return text.split(separator: "\n").map { line in
    String(line[line.index(after: line.firstIndex(of: ",") ?? line.startIndex)...])
  }
}
