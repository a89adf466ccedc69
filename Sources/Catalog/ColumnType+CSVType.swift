extension ColumnType {
  /// The PostgreSQL type whose text form the cells of a snapshot have, as DDL writes it. Unless a
  /// mapping says otherwise it is the type of the stage and the final column too.
  ///
  /// PostgreSQL keeps microseconds, so the seventh fractional digit of a time has no place in it.
  public var csvType: String {
    switch base {
    case .bit: "boolean"
    case .tinyint, .smallint: "smallint"
    case .int: "integer"
    case .bigint: "bigint"
    case .decimal, .numeric: "numeric(\(precision ?? 18),\(scale ?? 0))"
    case .money: "numeric(19,4)"
    case .smallmoney: "numeric(10,4)"
    case .float: "double precision"
    case .real: "real"
    case .date: "date"
    case .time: "time(\(fractionalDigits))"
    case .smalldatetime: "timestamp(0)"
    case .datetime: "timestamp(3)"
    case .datetime2: "timestamp(\(fractionalDigits))"
    case .datetimeoffset: "timestamptz(\(fractionalDigits))"
    case .char, .nchar: "char(\(length ?? 1))"
    case .varchar, .nvarchar: isMax ? "text" : "varchar(\(length ?? 1))"
    case .text, .ntext, .sqlVariant, .hierarchyid, .vector: "text"
    case .binary, .varbinary, .image, .rowversion, .geometry, .geography, .clr: "bytea"
    case .uniqueidentifier: "uuid"
    case .xml: "xml"
    case .json: "json"
    }
  }

  private var fractionalDigits: Int { min(scale ?? 7, 6) }
}
