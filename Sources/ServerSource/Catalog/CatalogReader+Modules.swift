import Catalog

extension CatalogReader {
  /// Views, procedures, functions, triggers, synonyms and table types, sorted by kind and name.
  mutating func modules(
    _ records: [ResultRecord], _ synonyms: [ResultRecord], _ aliasTypes: [ResultRecord]
  ) -> [Module] {
    var result: [Module] = []
    for record in records {
      guard let type = record.text("object_type"), let kind = Module.Kind(server: type),
        let name = ObjectName(record, "object_name")
      else { continue }
      let parent = kind == .trigger ? record.integer("object_id").flatMap { tableNames[$0] } : nil
      let definition = record.text("definition")
      // The others are of an assembly or a library and have no text.
      if definition == nil, ["V", "P", "FN", "IF", "TF", "TR"].contains(type) {
        note(
          "the text of \(kind.rawValue) \(name) cannot be seen: "
            + "it is encrypted, or the login lacks VIEW DEFINITION")
      }
      result.append(Module(kind: kind, name: name, table: parent, definition: definition))
    }
    for record in synonyms {
      guard let name = ObjectName(record, "object_name") else { continue }
      result.append(Module(kind: .synonym, name: name, definition: record.text("definition")))
    }
    for record in aliasTypes where record.flag("is_table_type") {
      guard let name = ObjectName(record, "type_name") else { continue }
      result.append(Module(kind: .tableType, name: name))
    }
    return result.sorted {
      $0.kind == $1.kind ? $0.name < $1.name : $0.kind.rawValue < $1.kind.rawValue
    }
  }

  /// Sequences with numbers of up to 64 bits; others are noted.
  mutating func sequences() throws(ServerError) -> [SequenceGenerator] {
    guard queries.version.has(11) else { return [] }
    var result: [SequenceGenerator] = []
    for record in try askIfThere(queries.sequences, of: .sequences) {
      guard let name = ObjectName(record, "sequence_name") else { continue }
      if let sequence = SequenceGenerator(name: name, record) {
        result.append(sequence)
      } else {
        note("sequence \(name): its numbers cannot be read or do not fit 64 bits")
      }
    }
    return result.sorted { $0.name < $1.name }
  }

  mutating func aliasTypes(_ records: [ResultRecord]) -> [AliasType] {
    var result: [AliasType] = []
    for record in records where !record.flag("is_table_type") {
      guard let name = ObjectName(record, "type_name") else { continue }
      guard let base = ColumnType(base: record.text("base_name"), record) else {
        note("alias type \(name) stands for a type that is not known")
        continue
      }
      result.append(
        AliasType(name: name, base: base, isNullable: record.flag("is_nullable")))
    }
    return result.sorted { $0.name < $1.name }
  }
}

extension SequenceGenerator {
  fileprivate init?(name: ObjectName, _ record: ResultRecord) {
    func number(_ name: String) -> Int64? { record.text(name).flatMap { Int64($0) } }
    guard let base = record.text("base_name").flatMap({ ColumnType.Base(rawValue: $0) }),
      ColumnType(base).isInteger, let start = number("start_value"),
      let increment = number("increment"), let minimum = number("minimum_value"),
      let maximum = number("maximum_value"), let current = number("current_value")
    else { return nil }
    self.init(
      name: name, type: ColumnType(base), start: start, increment: increment, minimum: minimum,
      maximum: maximum, current: current, cycles: record.flag("is_cycling"))
  }
}
