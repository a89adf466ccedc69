import Catalog

struct Predicate {
  let sql: String
  let notNullColumns: Set<Int>
  init(_ text: String, of table: SourceTable, mapped: MappedTable, keyTables: [Int?]) throws(Untranslatable) {
    throw Untranslatable("its filter is not translated")
  }
}
