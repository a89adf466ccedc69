/// A value of a described row, typed by what it means; the column's type says how it is stored.
public enum FixtureValue: Hashable, Sendable {
  case null
  case bool(Bool)
  /// tinyint to bigint.
  case integer(Int64)
  /// A magnitude in units of the column's scale: decimal, numeric, and with scale 4 the money types.
  case decimal(UInt128, isNegative: Bool = false)
  case double(Double)
  case float(Float)
  /// Days since 0001-01-01.
  case date(days: Int)
  /// Units of 100 ns since midnight, a multiple of what the column's scale can hold.
  case time(ticks: Int64)
  /// Days since 0001-01-01 and units of 100 ns: datetime2, and smalldatetime in whole minutes.
  case timestamp(days: Int, ticks: Int64)
  /// Days since 0001-01-01 and units of 1/300 s: datetime.
  case datetime(days: Int, ticks300: Int)
  /// The UTC time and the offset in minutes that goes with it: datetimeoffset.
  case instant(days: Int, ticks: Int64, offset: Int)
  /// Text of any text type; 8-bit types take what their code page can hold. xml too, where it is
  /// nothing but character data.
  case text(String)
  /// UTF-16 as it stands, unpaired surrogates and U+0000 included.
  case utf16([UInt16])
  /// binary types, uniqueidentifier (stored order), rowversion, CLR types.
  case bytes([UInt8])
  /// Bytes as they are stored and the text that they mean: code pages without an encoder here,
  /// hierarchyid, sql_variant, json.
  case encoded([UInt8], text: String)
  case xml(FixtureXML)
}

/// A document for an xml column.
public indirect enum FixtureXML: Hashable, Sendable {
  case element(String, attributes: [Attribute] = [], children: [FixtureXML] = [])
  case text(String)
  case comment(String)

  public struct Attribute: Hashable, Sendable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }
}
