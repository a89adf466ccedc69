public import Catalog

/// Writes the rows of one table as CSV chunks: bytes in, bytes out, nothing allocated per row or cell.
///
/// The text of each value is, byte for byte, what PostgreSQL's `COPY … TO STDOUT (FORMAT csv)` prints
/// for the column type of `ColumnType.csvType`, under DateStyle ISO, TimeZone UTC, bytea_output hex,
/// extra_float_digits 1, UTF-8 (the CSV rule).
///
///     writer.beginRow()
///     writer.write(integer: 10248)
///     writer.writeNull()
///     try writer.endRow()
///
/// A row is complete when `endRow` returns; between `beginRow` and `endRow` exactly one value for each
/// stored column is written. After `beginRow` an unfinished row may be abandoned by `cancelRow`.
public struct TableWriter: ~Copyable {
  // API SKETCH: implemented by the owner of Staging; signatures are the contract.
  public let table: Table

  public mutating func beginRow() { fatalError() }
  public mutating func cancelRow() { fatalError() }
  public mutating func endRow() throws(StagingError) { fatalError() }

  public mutating func writeNull() { fatalError() }
  public mutating func write(bool value: Bool) { fatalError() }
  /// tinyint to bigint.
  public mutating func write(integer value: Int64) { fatalError() }
  /// `magnitude` x 10^-`scale`; also money and smallmoney with scale 4. Printed with exactly `scale`
  /// fractional digits; zero is never negative.
  public mutating func write(decimal magnitude: UInt128, isNegative: Bool, scale: Int) { fatalError() }
  public mutating func write(double value: Double) { fatalError() }
  public mutating func write(float value: Float) { fatalError() }
  /// Days since 0001-01-01, 0 to 3,652,058.
  public mutating func write(dateDays days: Int) { fatalError() }
  /// Units of 100 ns since midnight, 0 ..< 864,000,000,000. The seventh digit is cut off.
  public mutating func write(timeTicks ticks: Int64) { fatalError() }
  /// Days since 0001-01-01 and units of 100 ns since midnight. The seventh digit is cut off.
  public mutating func write(timestampDays days: Int, ticks: Int64) { fatalError() }
  /// As `write(timestampDays:ticks:)`, both UTC, printed with `+00`.
  public mutating func write(instantDays days: Int, ticks: Int64) { fatalError() }
  /// 16 bytes in SQL Server's order (first three groups little-endian).
  public mutating func write(guid bytes: UnsafeRawBufferPointer) { fatalError() }
  /// bytea: `\x` and hex.
  public mutating func write(bytes: UnsafeRawBufferPointer) { fatalError() }
  /// Text in UTF-16LE. `paddedTo` pads with blanks to that many characters (nchar).
  /// U+0000 and unpaired surrogates make the row a reject at `endRow`.
  public mutating func write(utf16 bytes: UnsafeRawBufferPointer, paddedTo width: Int? = nil) { fatalError() }
  /// Text in the code page of a collation. `paddedTo` as above (char).
  public mutating func write(text bytes: UnsafeRawBufferPointer, in codePage: CodePage, paddedTo width: Int? = nil) { fatalError() }
  /// Text that is UTF-8 already.
  public mutating func write(utf8 bytes: UnsafeRawBufferPointer) { fatalError() }

  /// Values too large to hold in one piece: `beginBytes`/`beginText`, any number of `append`, `endValue`.
  public mutating func beginBytes() { fatalError() }
  public mutating func beginUTF16() { fatalError() }
  public mutating func beginText(in codePage: CodePage) { fatalError() }
  public mutating func append(_ bytes: UnsafeRawBufferPointer) { fatalError() }
  public mutating func endValue() { fatalError() }
}

public final class CodePage: Sendable {
  /// - Parameter number: Windows code page (1252, 932, 65001 …).
  /// - Returns: nil when there is no such code page here.
  public init?(number: Int) { fatalError() }
  /// ASCII only: any byte above 0x7F makes the row an error that names the collation.
  public static let ascii: CodePage = { fatalError() }()
}

public struct StagingError: Error, Hashable {}
