import Catalog
import Testing
import Translation

@Suite("keys and order")
struct KeyTests {
  /// Tables with one-column keys and random foreign keys between them, to primary keys and to unique
  /// constraints, single and composite, cycles and self references included.
  private func randomDatabase(_ random: inout SeededRandom) -> Database {
    let count = Int.random(in: 1...8, using: &random)
    let tables = (0..<count).map { index in
      var columns = [column("ID", "int", identity: identity()), column("Code", "int")]
      var foreignKeys: [ForeignKey] = []
      for number in 0..<Int.random(in: 0...3, using: &random) {
        let parent = "dbo.T\(Int.random(in: 0..<count, using: &random))"
        let name = "R\(number)"
        let isShared = number == 0 && Int.random(in: 0..<6, using: &random) == 0
        let own = isShared ? "ID" : name
        if !isShared { columns.append(column(name, "int null")) }
        let target = ["ID", "ID", "Code"].randomElement(using: &random) ?? "ID"
        let isComposite = Bool.random(using: &random) && !isShared
        foreignKeys.append(
          foreignKey(
            "FK\(number)", isComposite ? [own, "Code"] : [own], to: parent,
            isComposite ? ["ID", "Code"] : [target],
            disabled: Int.random(in: 0..<8, using: &random) == 0))
        if Int.random(in: 0..<6, using: &random) == 0 {
          let other = "dbo.T\(Int.random(in: 0..<count, using: &random))"
          foreignKeys.append(foreignKey("FK\(number)b", [own], to: other, ["ID"]))
        }
      }
      return table(
        "dbo.T\(index)", columns, primaryKey: ["ID"],
        unique: [key("UQ_Code\(index)", ["Code"]), key("UQ_Both\(index)", ["ID", "Code"])],
        foreignKeys: foreignKeys)
    }
    return describe(tables)
  }

  @Test("both ends of a foreign key take their values from the same key map")
  func valuesAgree() throws {
    var random = SeededRandom.fromEnvironment()
    for _ in 0..<random.caseCount * 3 {
      let mapped = try Translator.map(randomDatabase(&random), by: Mapping())
      for table in mapped.tables {
        for foreignKey in table.foreignKeys {
          let parent = mapped.tables[foreignKey.parent]
          for (column, parentColumn) in zip(foreignKey.columns, foreignKey.parentColumns) {
            let own = table.columns[column].keyTable
            #expect(own == parent.columns[parentColumn].keyTable, "seed \(random.seed)")
          }
        }
        for (index, column) in table.columns.enumerated() {
          guard let keyTable = column.keyTable else { continue }
          #expect(mapped.tables[keyTable].surrogate != nil, "seed \(random.seed)")
          if table.surrogate?.column == index {
            #expect(mapped.tables[keyTable].source == table.source, "seed \(random.seed)")
          }
        }
      }
    }
  }

  @Test("parents come before children; foreign keys of cycles, and to values that change, can wait")
  func order() throws {
    var random = SeededRandom.fromEnvironment()
    for _ in 0..<random.caseCount * 3 {
      let mapped = try Translator.map(randomDatabase(&random), by: Mapping())
      let reaches = Self.reachability(mapped)
      for (child, table) in mapped.tables.enumerated() {
        for foreignKey in table.foreignKeys {
          let parent = foreignKey.parent
          let isMutual = child != parent && reaches[parent][child]
          let canChange = foreignKey.parentColumns.contains {
            Self.canChange($0, of: mapped.tables[parent])
          }
          #expect(foreignKey.isDeferrable == (isMutual || canChange), "seed \(random.seed)")
          if !isMutual { #expect(parent <= child, "seed \(random.seed)") }
        }
        let isInCycle = mapped.tables.indices.contains {
          $0 != child && reaches[child][$0] && reaches[$0][child]
        }
        #expect(table.isInCycle == isInCycle, "seed \(random.seed)")
      }
    }
  }

  /// The key of a row stays, but for the spelling of a text.
  private static func canChange(_ column: Int, of table: MappedTable) -> Bool {
    guard case .columns(let key) = table.sourceKey, key.contains(column) else { return true }
    return table.columns[column].sourceType.isText && table.columns[column].keyTable == nil
  }

  /// The slow obvious way: by foreign keys, whether one table leads to another.
  private static func reachability(_ mapped: MappedDatabase) -> [[Bool]] {
    let indices = mapped.tables.indices
    var reaches = indices.map { child in
      indices.map { parent in mapped.tables[child].foreignKeys.contains { $0.parent == parent } }
    }
    for middle in indices {
      for from in indices where reaches[from][middle] {
        for to in indices where reaches[middle][to] { reaches[from][to] = true }
      }
    }
    return reaches
  }

  @Test("the order of the catalog makes no difference")
  func orderOfTheCatalog() throws {
    var random = SeededRandom.fromEnvironment()
    for _ in 0..<random.caseCount {
      let source = randomDatabase(&random)
      var shuffled = source
      shuffled.tables.shuffle(using: &random)
      #expect(
        try Translator.map(source, by: Mapping()) == Translator.map(shuffled, by: Mapping()),
        "seed \(random.seed)")
    }
  }

  @Test("keys: preserve gives no table new keys")
  func preserve() throws {
    var random = SeededRandom.fromEnvironment()
    let mapping = try Mapping(yaml: "keys: preserve")
    for _ in 0..<random.caseCount {
      let mapped = try Translator.map(randomDatabase(&random), by: mapping)
      #expect(mapped.tables.allSatisfy { $0.surrogate == nil }, "seed \(random.seed)")
      #expect(
        mapped.tables.allSatisfy { $0.columns.allSatisfy { $0.keyTable == nil } },
        "seed \(random.seed)")
    }
  }

  @Test("a chain of 5,000 tables neither exhausts the stack nor takes long")
  func longChain() throws {
    let count = 5000
    let tables = (0..<count).map { index in
      table(
        "dbo.T\(index)",
        [column("ID", "int", identity: identity()), column("ParentID", "int null")],
        primaryKey: ["ID"],
        foreignKeys: index + 1 < count
          ? [foreignKey("FK", ["ParentID"], to: "dbo.T\(index + 1)", ["ID"])] : [])
    }
    let mapped = try Translator.map(describe(tables), by: Mapping())
    #expect(mapped.tables.first?.source.name == "T4999")
    #expect(mapped.tables.last?.source.name == "T0")
    #expect(DDL.files(for: mapped).map(\.statements.count) == [0, count, count, 0, count - 1, 0])
  }
}
