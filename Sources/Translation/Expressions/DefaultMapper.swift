import Catalog

/// Translates the defaults of columns, and gathers the sequences that they draw from.
struct DefaultMapper {
  /// In the order in which defaults first drew from them.
  private(set) var used: [MappedSequence] = []
  private let sequences: [SequenceGenerator]

  init(sequences: [SequenceGenerator]) {
    self.sequences = sequences
  }

  /// The default of a column as PostgreSQL; nil where it has none, and where the source's one cannot
  /// be translated, which is reported.
  ///
  /// - Parameter type: The column's type in the target.
  mutating func expression(
    for column: Column, of table: SourceTable, type: String, names: inout NamePlan,
    findings: inout Findings
  ) -> String? {
    if let rule = table.rules.columns[column.name]?.defaultExpression { return rule.value }
    guard let source = column.defaultConstraint else { return nil }
    let name = "\(table.table.name).\(column.name)"
    do throws(Untranslatable) {
      let parsed = try Expression(parsing: source.definition)
      var evaluator = Evaluator()
      for sequence in parsed.sequences {
        evaluator.sequences[Self.key(sequence)] = try draw(
          from: sequence, schema: table.table.name.schema, names: &names, findings: &findings)
      }
      let value = try evaluator.value(of: parsed)
        .converted(to: column.type, for: .assignment)
      for remark in evaluator.remarks {
        findings.report("default", name, remark, text: source.definition)
      }
      return Self.sql(value, type: type)
    } catch {
      findings.report("default", name, "no default: \(error.reason)", text: source.definition)
      return nil
    }
  }

  /// A bit that the mapping keeps as text is written as the snapshot has it.
  private static func sql(_ value: Value, type: String) -> String? {
    if case .boolean(let isTrue) = value, type != "boolean" {
      return SQLLiteral.quoted(isTrue ? "t" : "f")
    }
    return value.sql
  }

  private static func key(_ name: [String]) -> String {
    name.suffix(2).joined(separator: ".").lowercased()
  }
}

// MARK: - Sequences

extension DefaultMapper {
  /// `nextval('public.order_number')`; the sequence is made when something draws from it.
  private mutating func draw(
    from name: [String], schema: String, names: inout NamePlan, findings: inout Findings
  ) throws(Untranslatable) -> String {
    let qualified = name.count > 1 ? Array(name.suffix(2)) : [schema] + name
    let wanted = Self.key(qualified)
    let source = sequences.first { "\($0.name)".lowercased() == wanted }
    guard let source else {
      throw Untranslatable("the sequence \(name.joined(separator: ".")) is not among the source's")
    }
    let target: QualifiedIdentifier
    if let known = used.first(where: { $0.source == source.name }) {
      target = known.name
    } else {
      let mapped = try mapped(source, names: &names)
      used.append(mapped)
      findings.note(
        "Sequence \(source.name) goes on from \(mapped.start) in the target; later numbers that the "
          + "source hands out do not move it.")
      target = mapped.name
    }
    return "nextval(\(SQLLiteral.quoted(target.quoted)))"
  }

  private func mapped(
    _ source: SequenceGenerator, names: inout NamePlan
  ) throws(Untranslatable) -> MappedSequence {
    let (next, isOver) = source.current.addingReportingOverflow(source.increment)
    let range = source.minimum...max(source.minimum, source.maximum)
    guard !isOver, range.contains(next), source.increment != 0, source.minimum < source.maximum
    else {
      throw Untranslatable("the sequence \(source.name) has no number left")
    }
    return MappedSequence(
      source: source.name, name: names.sequence(source.name), type: Self.type(of: source),
      start: next, increment: source.increment, minimum: source.minimum, maximum: source.maximum,
      cycles: source.cycles)
  }

  private static func type(of source: SequenceGenerator) -> String {
    let range = source.minimum...source.maximum
    if range.lowerBound >= Int64(Int16.min), range.upperBound <= Int64(Int16.max) {
      return "smallint"
    }
    return range.lowerBound >= Int64(Int32.min) && range.upperBound <= Int64(Int32.max)
      ? "integer" : "bigint"
  }
}
