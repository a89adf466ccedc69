import Catalog

extension CatalogReader {
  mutating func partitionFunctions() throws(ServerError) -> [PartitionFunction] {
    let records = try askIfThere(queries.partitionFunctions, of: .partitionFunctions)
    guard !records.isEmpty else { return [] }
    let boundaries = Dictionary(grouping: try askIfThere(queries.partitionBoundaries)) {
      $0.integer("function_id") ?? 0
    }
    var result: [PartitionFunction] = []
    for record in records {
      guard let id = record.integer("function_id"), let name = record.text("function_name") else {
        throw missing("partition functions")
      }
      guard let type = ColumnType(base: record.text("base_name"), record) else {
        note("partition function \(name) has a parameter of a type that is not known")
        continue
      }
      let values = (boundaries[id] ?? []).sorted {
        ($0.integer("boundary_id") ?? 0) < ($1.integer("boundary_id") ?? 0)
      }
      result.append(
        PartitionFunction(
          name: name, type: type, isRight: record.flag("is_right"),
          boundaries: values.map(\.plainText)))
    }
    return result.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  mutating func partitionSchemes() throws(ServerError) -> [PartitionScheme] {
    var rows: [String: [(number: Int, function: String, filegroup: String)]] = [:]
    let records = try askIfThere(queries.partitionSchemes, of: .partitionFunctions)
    for record in records {
      guard let name = record.text("scheme_name"), let function = record.text("function_name"),
        let number = record.integer("destination_id"), let group = record.text("filegroup_name")
      else { throw missing("partition schemes") }
      rows[name, default: []].append((number, function, group))
    }
    return rows.map { name, rows in
      PartitionScheme(
        name: name, function: rows[0].function,
        filegroups: rows.sorted { $0.number < $1.number }.map(\.filegroup))
    }.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  mutating func extendedProperties() throws(ServerError) -> [ExtendedProperty] {
    try askIfThere(queries.extendedProperties, of: .extendedProperties).compactMap { record in
      guard let name = record.text("property_name") else { return nil }
      let place = Self.place(of: record)
      if name == "MS_Description", ["table", "column"].contains(place.level) { return nil }
      return ExtendedProperty(
        level: place.level, target: place.target, name: name, value: record.plainText)
    }.sorted()
  }

  private static func place(of record: ResultRecord) -> (level: String, target: String) {
    let (major, minor) = (record.integer("major_id") ?? 0, record.integer("minor_id") ?? 0)
    let name = ObjectName(record, "object_name").map { "\($0)" } ?? "object \(major)"
    switch record.integer("class") {
    case 0: return ("database", "")
    case 1 where minor == 0: return (record.text("object_type") == "U" ? "table" : "object", name)
    case 1: return ("column", "\(name).\(record.text("column_name") ?? "column \(minor)")")
    case 2: return ("parameter", "\(name), parameter \(minor)")
    case 3: return ("schema", record.text("schema_name") ?? "schema \(major)")
    case 6: return ("type", ObjectName(record, "object_name").map { "\($0)" } ?? "type \(major)")
    case 7: return ("index", "\(name).\(record.text("index_name") ?? "index \(minor)")")
    default: return ("class \(record.integer("class") ?? -1)", "\(major).\(minor)")
    }
  }
}

extension ResultRecord {
  /// Binary floating point is printed as its shortest text, whatever digits the server gave.
  fileprivate var plainText: String? {
    guard let value = text("value_text") else { return nil }
    switch text("base_name") {
    case "float": return Double(value).map { "\($0)" } ?? value
    case "real": return Float(value).map { "\($0)" } ?? value
    default: return value
    }
  }
}
