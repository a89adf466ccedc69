// Joins what a server is asked for view by view, so that the records are those that its own JOIN would give.

extension CatalogReader {
  func moduleRecords() throws(ServerError) -> [ResultRecord] {
    guard queries.arePlain else { return try ask(queries.modules) }
    let objects = try ask(queries.plainObjects).compactMap { object -> ResultRecord? in
      guard !object.flag("is_ms_shipped"),
        let type = object.text("object_type").map(Self.withoutPadding),
        CatalogQueries.moduleTypes.contains(type)
      else { return nil }
      return object.with(["object_type": .text(type)])
    }
    // A view that takes its time.
    guard !objects.isEmpty else { return [] }
    let texts = Dictionary(
      try ask(queries.plainModules).map { ($0.integer("module_id"), $0["definition"] ?? .null) },
      uniquingKeysWith: { first, _ in first })
    return objects.map {
      $0.with(["definition": texts[$0.integer("module_id")] ?? .null])
    }
  }

  /// The kind of an object is a char(2).
  private static func withoutPadding(_ type: String) -> String {
    String(type.prefix { $0 != " " })
  }
}

/// The types of a database, found by their numbers.
struct TypeRecords: Sendable {
  private let records: [ResultRecord]
  private let byID: [Int: ResultRecord]

  init(_ records: [ResultRecord] = []) {
    self.records = records
    byID = Dictionary(
      records.compactMap { record in record.integer("user_type_id").map { ($0, record) } },
      uniquingKeysWith: { first, _ in first })
  }

  /// A column of a type that is not seen has a base all the same.
  func joined(toColumn column: ResultRecord) -> ResultRecord {
    let own = column.integer("user_type_id").flatMap { byID[$0] }
    let base = own?.integer("system_type_id") ?? column.integer("system_type_id")
    return column.with([
      "type_name": own?["type_name"] ?? .null, "type_schema": own?["schema_name"] ?? .null,
      "is_user_defined": own?["is_user_defined"] ?? .null,
      "is_assembly_type": own?["is_assembly_type"] ?? .null,
      "base_name": base.flatMap { byID[$0]?["type_name"] } ?? .null,
      "type_rule_object_id": own?["rule_object_id"] ?? .null,
    ])
  }

  var aliases: [ResultRecord] {
    records.filter { $0.flag("is_user_defined") && !$0.flag("is_assembly_type") }.map { record in
      let base = record.integer("system_type_id").flatMap { byID[$0]?["type_name"] }
      return record.with(["base_name": base ?? .null])
    }
  }
}
