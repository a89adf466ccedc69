import Catalog

extension ColumnType {
  /// - Parameter record: `base_name` (a built-in type), `max_length` in bytes with -1 for (max),
  ///   `type_precision`, `type_scale`.
  /// - Returns: nil for a type that this version does not know.
  init?(base name: String?, _ record: ResultRecord) {
    guard let name else { return nil }
    let spelled = name == "timestamp" ? "rowversion" : name
    guard let base = Base(rawValue: spelled), base != .clr else { return nil }
    let length = record.integer("max_length") ?? 0
    switch base {
    case .char, .binary: self.init(base, length: length)
    case .nchar: self.init(base, length: length / 2)
    case .varchar, .varbinary: self.init(base, length: length < 0 ? nil : length, isMax: length < 0)
    case .nvarchar: self.init(base, length: length < 0 ? nil : length / 2, isMax: length < 0)
    case .decimal, .numeric:
      self.init(
        base, precision: record.integer("type_precision") ?? 18,
        scale: record.integer("type_scale") ?? 0)
    case .time, .datetime2, .datetimeoffset:
      self.init(base, scale: record.integer("type_scale") ?? 7)
    default: self.init(base)
    }
  }
}

extension Collation {
  /// - Parameters:
  ///   - name: As `sys.columns` has it; the abbreviations in it say how it compares.
  ///   - codePage: As COLLATIONPROPERTY says it; 0 for collations without 8-bit text.
  init?(server name: String?, codePage: Int?) {
    guard let name else { return nil }
    let parts = name.uppercased().split(separator: "_")
    let isBinary = parts.contains { $0 == "BIN" || $0 == "BIN2" }
    self.init(
      name: name, codePage: codePage == 0 ? nil : codePage,
      isCaseSensitive: isBinary || parts.contains("CS"),
      isAccentSensitive: isBinary || parts.contains("AS"), isBinary: isBinary)
  }
}

extension Module.Kind {
  /// - Parameter type: `sys.objects.type` without its padding.
  init?(server type: String?) {
    switch type {
    case "V": self = .view
    case "P", "PC", "X": self = .procedure
    case "FN", "IF", "TF", "FS", "FT", "AF": self = .function
    case "TR", "TA": self = .trigger
    default: return nil
    }
  }
}
