// Short words to describe source databases by.

import Catalog

let caseInsensitive = Collation(
  name: "Latin1_General_CI_AS", codePage: 1252, isCaseSensitive: false, isAccentSensitive: true,
  isBinary: false)
let accentInsensitive = Collation(
  name: "Latin1_General_CI_AI", codePage: 1252, isCaseSensitive: false, isAccentSensitive: false,
  isBinary: false)
let caseSensitive = Collation(
  name: "Latin1_General_CS_AS", codePage: 1252, isCaseSensitive: true, isAccentSensitive: true,
  isBinary: false)
let onlyCaseSensitive = Collation(
  name: "Latin1_General_CS_AI", codePage: 1252, isCaseSensitive: true, isAccentSensitive: false,
  isBinary: false)
let binary = Collation(
  name: "Latin1_General_BIN2", codePage: 1252, isCaseSensitive: true, isAccentSensitive: true,
  isBinary: true)

func describe(
  _ tables: [Table], name: String = "Music", collation: Collation? = caseInsensitive,
  sequences: [SequenceGenerator] = [], aliasTypes: [AliasType] = [], modules: [Module] = []
) -> Database {
  Database(
    name: name, serverVersion: "SQL Server 2019", collation: collation,
    schemas: Set(tables.map(\.name.schema)).sorted(), tables: tables, sequences: sequences,
    aliasTypes: aliasTypes, modules: modules)
}

/// - Parameter name: `dbo.Album`: the schema ends at the first dot.
func table(
  _ name: String, _ columns: [Column], primaryKey: [String] = [], unique: [Key] = [],
  indexes: [Index] = [], foreignKeys: [ForeignKey] = [], checks: [CheckConstraint] = [],
  comment: String? = nil, historyTable: ObjectName? = nil, refusal: String? = nil
) -> Table {
  let name = objectName(name)
  var numbered = columns
  for index in numbered.indices { numbered[index].id = index + 1 }
  return Table(
    name: name, columns: numbered,
    primaryKey: primaryKey.isEmpty ? nil : key("PK_\(name.name)", primaryKey),
    uniqueConstraints: unique, indexes: indexes, foreignKeys: foreignKeys, checks: checks,
    comment: comment, historyTable: historyTable, refusal: refusal)
}

func objectName(_ text: String) -> ObjectName {
  let parts = text.split(separator: ".", maxSplits: 1).map(String.init)
  return parts.count == 2 ? ObjectName(parts[0], parts[1]) : ObjectName("dbo", text)
}

/// - Parameter type: As T-SQL writes it, ` null` behind it for a nullable column.
func column(
  _ name: String, _ type: String, identity: Identity? = nil, default definition: String? = nil,
  computed: Computed? = nil, collation: Collation? = nil, comment: String? = nil
) -> Column {
  let isNullable = type.hasSuffix(" null")
  let spelled = isNullable ? String(type.dropLast(5)) : type
  guard let type = ColumnType(spelled) else { fatalError("no type: \(spelled)") }
  return Column(
    id: 0, name: name, type: type, isNullable: isNullable, identity: identity, computed: computed,
    defaultConstraint: definition.map { DefaultConstraint(name: "DF_\(name)", definition: $0) },
    collation: collation, comment: comment)
}

func identity(_ seed: Int64 = 1, by increment: Int64 = 1) -> Identity {
  Identity(seed: seed, increment: increment, lastValue: nil)
}

func key(_ name: String?, _ columns: [String]) -> Key {
  Key(name: name, isClustered: false, columns: columns.map { KeyColumn($0) })
}

func index(
  _ name: String, on columns: [String], unique: Bool = false, included: [String] = [],
  where filter: String? = nil, kind: Index.Kind = .nonclustered, disabled: Bool = false
) -> Index {
  Index(
    name: name, kind: kind, isUnique: unique,
    columns: columns.map {
      $0.hasSuffix(" desc")
        ? KeyColumn(String($0.dropLast(5)), isDescending: true) : KeyColumn($0)
    }, included: included, filter: filter, isDisabled: disabled)
}

func foreignKey(
  _ name: String?, _ columns: [String], to parent: String, _ parentColumns: [String],
  onDelete: ForeignKey.Action = .noAction, onUpdate: ForeignKey.Action = .noAction,
  disabled: Bool = false, notTrusted: Bool = false
) -> ForeignKey {
  ForeignKey(
    name: name, columns: columns, parent: objectName(parent), parentColumns: parentColumns,
    onDelete: onDelete, onUpdate: onUpdate, isDisabled: disabled, isNotTrusted: notTrusted)
}

func sequence(
  _ name: String, _ type: String = "bigint", current: Int64 = 1, by increment: Int64 = 1,
  _ range: ClosedRange<Int64> = Int64.min...Int64.max, cycles: Bool = false
) -> SequenceGenerator {
  SequenceGenerator(
    name: objectName(name), type: ColumnType(type) ?? ColumnType(.bigint), start: 1,
    increment: increment, minimum: range.lowerBound, maximum: range.upperBound, current: current,
    cycles: cycles)
}
