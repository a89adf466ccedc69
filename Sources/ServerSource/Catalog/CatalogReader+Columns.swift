import Catalog

extension CatalogReader {
  /// Columns of one table, and why its rows cannot be read if they cannot.
  struct TableColumns {
    var columns: [Column] = []
    var refusal: String?
  }

  mutating func columns() throws(ServerError) -> [Int: TableColumns] {
    var records = try ask(ofTables: queries.columns)
    if queries.arePlain {
      types = TypeRecords(try ask(queries.plainTypes))
      records = records.map(types.joined(toColumn:))
    }
    var details = try ColumnDetails(of: records, &self)
    var names: [ColumnKey: String] = [:]
    var result: [Int: TableColumns] = [:]
    for record in records {
      guard let key = ColumnKey(record), let name = record.text("column_name"),
        let table = tableNames[key.object]
      else { throw missing("columns") }
      names[key] = name
      let column = column(record, key, name, in: table, &details)
      result[key.object, default: TableColumns()].columns.append(column)
      if let reason = details.refusal(record) ?? typeRefusal(record, column) {
        let sentence = "column \(name): \(reason)"
        if result[key.object]?.refusal == nil { result[key.object]?.refusal = sentence }
      }
    }
    setColumnNames(names)
    return result
  }

  private mutating func column(
    _ record: ResultRecord, _ key: ColumnKey, _ name: String, in table: ObjectName,
    _ details: inout ColumnDetails
  ) -> Column {
    let type = type(record) ?? ColumnType(.clr)
    var column = Column(
      id: key.column, name: name, type: type, isNullable: record.flag("is_nullable"),
      aliasType: aliasName(record), isSparse: record.flag("is_sparse"),
      isColumnSet: record.flag("is_column_set"), isRowGUID: record.flag("is_rowguid"),
      isHidden: record.flag("is_hidden"))
    if type.isText {
      column.collation = Collation(
        server: record.text("collation_name"), codePage: record.integer("code_page"))
    }
    let place = "\(table), column \(name)"
    if record.text("type_name") == nil {
      note("\(place): its alias type cannot be seen: the login lacks VIEW DEFINITION")
    }
    if record.flag("is_identity") {
      column.identity = details.identities[key]
      if column.identity == nil {
        note("\(place): the identity's numbers cannot be read or do not fit 64 bits")
      }
    }
    if record.flag("is_computed") {
      column.computed = details.computed[key] ?? Computed(definition: "", isPersisted: false)
      if column.computed?.definition.isEmpty ?? true {
        note(
          "the text of \(place) cannot be seen: the login lacks VIEW DEFINITION, or the server fails"
        )
      }
    }
    switch record.integer("generated_always") {
    case 1: column.generatedAlways = .rowStart
    case 2: column.generatedAlways = .rowEnd
    default: break
    }
    column.defaultConstraint = details.defaults[key]
    if let id = record.integer("default_object_id"), id != 0, column.defaultConstraint == nil,
      column.computed == nil
    {
      note("the text of the default of \(place) cannot be seen: the login lacks VIEW DEFINITION")
    }
    if let rule = details.rules[key] {
      note("\(place): the bound rule \(rule) is not carried over")
    }
    return column
  }

  /// The base type: that of the type itself, or the one that an alias type stands for.
  private func type(_ record: ResultRecord) -> ColumnType? {
    let own = record.text("type_name")
    if record.flag("is_assembly_type") {
      let builtIn: [String: ColumnType.Base] = [
        "hierarchyid": .hierarchyid, "geometry": .geometry, "geography": .geography,
      ]
      let base = record.flag("is_user_defined") ? nil : own.flatMap { builtIn[$0] }
      return ColumnType(base ?? .clr)
    }
    // Where the base cannot be joined the type is its own base; of a type that is not seen there is
    // only the base.
    let isAlias = record.flag("is_user_defined") || own == "sysname" || own == nil
    if own == "sysname", record.text("base_name") ?? "sysname" == "sysname" {
      return ColumnType(.nvarchar, length: 128)
    }
    return ColumnType(base: isAlias ? record.text("base_name") : own, record)
  }

  private func typeRefusal(_ record: ResultRecord, _ column: Column) -> String? {
    guard type(record) != nil else {
      return record.text("type_name").map { "type \($0) is not known" }
        ?? "its type cannot be seen: the login lacks VIEW DEFINITION"
    }
    guard column.isStored else { return nil }
    switch column.type.base {
    case .json, .vector: return "values of type \(column.type) are not read"
    default: return nil
    }
  }

  /// `sysname` is the server's own alias type.
  private func aliasName(_ record: ResultRecord) -> ObjectName? {
    guard let name = record.text("type_name") else { return nil }
    if name == "sysname" { return ObjectName("sys", "sysname") }
    guard record.flag("is_user_defined"), let schema = record.text("type_schema") else {
      return nil
    }
    return ObjectName(schema, name)
  }
}

/// What other views say of columns.
struct ColumnDetails {
  private(set) var identities: [ColumnKey: Identity] = [:]
  private(set) var computed: [ColumnKey: Computed] = [:]
  private(set) var defaults: [ColumnKey: DefaultConstraint] = [:]
  private(set) var rules: [ColumnKey: ObjectName] = [:]
  private let maySeeMasked: Bool

  /// - Parameter columns: What the catalog says of each.
  init(of columns: [ResultRecord], _ reader: inout CatalogReader) throws(ServerError) {
    if reader.queries.version.has(13) {
      let record = try reader.askIfThere(reader.queries.unmask).first
      maySeeMasked = record?.flag("unmask") ?? false
    } else {
      maySeeMasked = true
    }
    if columns.contains(where: { $0.flag("is_identity") }) {
      for record in try reader.askIfThere(reader.queries.identities, of: .identities) {
        if let key = ColumnKey(record) { identities[key] = Identity(record) }
      }
    }
    if columns.contains(where: { $0.flag("is_computed") }) { try readComputed(&reader) }
    for record in try reader.ask(ofTables: reader.queries.defaults, of: .defaults) {
      guard let key = ColumnKey(record), let text = record.text("definition") else { continue }
      defaults[key] = DefaultConstraint(name: record.text("constraint_name"), definition: text)
    }
    guard columns.contains(where: hasBoundObject) else { return }
    for record in try reader.askIfThere(reader.queries.boundObjects) {
      guard let key = ColumnKey(record) else { continue }
      if record.text("object_type") == "R" {
        rules[key] = ObjectName(record, "object_name")
      } else if let text = record.text("definition") {
        defaults[key] = DefaultConstraint(boundObject: text)
      }
    }
  }

  private mutating func readComputed(_ reader: inout CatalogReader) throws(ServerError) {
    let records = try reader.ask(
      reader.queries.computedColumns(withText: true),
      orLess: reader.queries.computedColumns(withText: false), of: .computedColumns)
    for record in records {
      guard let key = ColumnKey(record) else { continue }
      computed[key] = Computed(
        definition: record.text("definition") ?? "", isPersisted: record.flag("is_persisted"))
    }
  }

  /// Whether a rule is bound to a column or its type, or a default that is no constraint to a column.
  private func hasBoundObject(_ record: ResultRecord) -> Bool {
    record.flag("rule_object_id") || record.flag("type_rule_object_id")
      || (record.flag("default_object_id") && ColumnKey(record).map { defaults[$0] == nil } ?? true)
  }

  /// Why the values of a column cannot be read as they are.
  func refusal(_ record: ResultRecord) -> String? {
    if let kind = record.integer("encryption_type"), kind != 0 {
      return "Always Encrypted: its values can only be read with the client's key"
    }
    if record.flag("is_masked"), !maySeeMasked {
      return "masked: the login lacks UNMASK and would copy masks as data"
    }
    return nil
  }
}

extension Identity {
  /// - Returns: nil where a number is missing or does not fit 64 bits.
  init?(_ record: ResultRecord) {
    func number(_ name: String) -> Int64? { record.text(name).flatMap { Int64($0) } }
    if let seed = number("seed_value"), let increment = number("increment_value") {
      let last = record.text("last_value")
      if last != nil, number("last_value") == nil { return nil }
      self.init(seed: seed, increment: increment, lastValue: number("last_value"))
    } else if let seed = number("seed"), let increment = number("increment") {
      // Where the view is empty the functions know; the latest value is the seed when there is none.
      self.init(seed: seed, increment: increment, lastValue: number("latest"))
    } else {
      return nil
    }
  }
}
