import Catalog

/// Translates the defaults of columns.
struct DefaultMapper {
  private(set) var used: [MappedSequence] = []
  private let sequences: [SequenceGenerator]

  init(sequences: [SequenceGenerator]) {
    self.sequences = sequences
  }

  mutating func expression(
    for column: Column, of table: SourceTable, type: String, names: inout NamePlan,
    findings: inout Findings
  ) -> String? {
    if let rule = table.rules.columns[column.name]?.defaultExpression { return rule.value }
    guard let source = column.defaultConstraint else { return nil }
    findings.report("default", "\(table.table.name).\(column.name)", "not translated", text: source.definition)
    return nil
  }
}
