import Catalog
import TestSupport
import Testing
import Translation

@Suite("names")
struct NameTests {
  @Test(
    "snake_case is what a person would write",
    arguments: [
      ("AlbumID", "album_id"), ("SQLText", "sql_text"), ("Order Details", "order_details"),
      ("ÑandÚ", "ñand_ú"), ("Customer\"ID", "customer_id"), ("album", "album"), ("ALBUM", "album"),
      ("Address1", "address1"), ("AddressLine2Text", "address_line2_text"),
      ("SHA256Hash", "sha256_hash"),
      ("FK__Album__Artist", "fk_album_artist"), ("_internal", "_internal"),
      ("__EFMigrationsHistory", "_ef_migrations_history"),
      ("2ndName", "_2nd_name"), ("a.b-c", "a_b_c"), ("$price$", "price"), ("IDs", "i_ds"),
      ("straße", "straße"), ("ЗаказНомер", "заказ_номер"), ("客户ID", "客户_id"), ("x", "x"),
      ("AspNetUsers", "asp_net_users"), ("is_active", "is_active"), ("Größe", "größe"),
    ])
  func snakeCase(source: String, target: String) {
    #expect(NamingStyle.snakeCase.spelled(source) == target)
  }

  @Test("lower and preserve keep every other character")
  func otherStyles() {
    #expect(NamingStyle.lower.spelled("Order Details") == "order details")
    #expect(NamingStyle.preserve.spelled("Order\"Details") == "Order\"Details")
    #expect(NamingStyle.preserve.spelled("a\0b") == "ab")
  }

  @Test("a name of nothing but punctuation still gets a name", arguments: NamingStyle.allCases)
  func nothingToSpell(style: NamingStyle) {
    #expect(!style.spelled("").isEmpty)
    #expect(!style.spelled("\0").isEmpty)
    #expect(!style.spelled("%%").isEmpty)
    #expect(NamingStyle.snakeCase.spelled("%") != NamingStyle.snakeCase.spelled("$"))
  }

  @Test(
    "any names at all give identifiers that PostgreSQL keeps apart", arguments: NamingStyle.allCases
  )
  func anyNames(style: NamingStyle) throws {
    var random = SeededRandom.fromEnvironment()
    for _ in 0..<random.caseCount {
      var names: Set<String> = []
      while names.count < 12 { names.insert(random.name()) }
      let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      let columns = sorted.map { column($0, "int") }
      var mapping = Mapping()
      mapping.names = style
      let source = describe(
        [
          table("dbo.\(random.name())", columns, primaryKey: [sorted[0]]),
          table(
            "dbo.\(random.name())x", columns,
            indexes: sorted.map { index($0, on: [$0]) },
            foreignKeys: []),
        ], name: random.name())
      let mapped = try Translator.map(source, by: mapping)
      let again = try Translator.map(source, by: mapping)
      #expect(mapped == again, "seed \(random.seed)")
      for table in mapped.tables {
        let found = table.columns.map(\.name.name)
        #expect(Set(found.map { Array($0.utf8) }).count == found.count, "seed \(random.seed)")
        #expect(Set(table.keyMapColumns).count == table.keyMapColumns.count)
      }
      #expect(Set(mapped.tables.map(\.target)).count == 2, "seed \(random.seed)")
      #expect(Set(mapped.tables.map(\.keyMap)).count == 2, "seed \(random.seed)")
      let relations =
        mapped.tables.flatMap { table in
          [table.target.name] + table.indexes.map(\.name)
            + [table.primaryKey?.name].compactMap { $0 }
            + table.columns.compactMap(\.identity?.sequence.name)
        }
      #expect(Set(relations).count == relations.count, "seed \(random.seed)")
    }
  }

  @Test("PostgreSQL makes tables with hostile names and has them as they are")
  func hostileNamesRun() throws {
    var random = SeededRandom.fromEnvironment()
    let postgres = try TestPostgres()
    for number in 0..<5 {
      for style in NamingStyle.allCases {
        var names: Set<String> = []
        while names.count < 8 { names.insert(random.name()) }
        let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        var mapping = Mapping()
        mapping.names = style
        let schema = "S\(style.rawValue)\(number)\(random.name())"
        let source = describe([
          Table(
            name: ObjectName(schema, random.name()), columns: sorted.map { column($0, "int") },
            primaryKey: key("PK", [sorted[0]]))
        ])
        let mapped = try Translator.map(source, by: mapping)
        try postgres.psql(DDL.files(for: mapped).map(\.text).joined())
      }
    }
  }

  @Test("a name that does not fit is cut and stays different from its neighbours")
  func longNames() {
    let long = String(repeating: "ü", count: 40)
    let cut = Identifier.shortened(long)
    #expect(cut.name.utf8.count <= Identifier.byteCountMax)
    #expect(cut != Identifier.shortened(long + "x"))
    #expect(Identifier.shortened(String(repeating: "a", count: 63)).name.utf8.count == 63)
    #expect(Identifier.shortened(String(repeating: "a", count: 64)).name.utf8.count == 63)
  }

  @Test("names that SQL Server made up are replaced by ones that say what they are for")
  func generatedNames() throws {
    let source = describe([
      table(
        "dbo.Jobs", [column("ID", "int"), column("Code", "int")],
        unique: [key("UQ__Jobs__A25C5AA7C2B4A5D0", ["Code"]), key("UQ__ABC", ["ID", "Code"])],
        foreignKeys: [foreignKey("FK__Jobs__Code__1BFD2C07", ["ID"], to: "dbo.Jobs", ["Code"])])
    ])
    let table = try Translator.map(source, by: Mapping()).tables[0]
    #expect(table.uniqueConstraints.map(\.name.name) == ["jobs_code_key", "uq_abc"])
    #expect(table.foreignKeys.map(\.name.name) == ["jobs_id_fkey"])
  }

  @Test("the name of a key map does not depend on which other tables there are")
  func keyMapsAlone() throws {
    let tables = ["a_b.c", "a.b_c", "dbo.a_b_c", "dbo.Track Genre", "x_y.z", "x.y"].map {
      table($0, [column("ID", "int")], primaryKey: ["ID"])
    }
    let together = try Translator.map(describe(tables, name: "Shop DB"), by: Mapping())
    #expect(together.databaseName == "Shop DB")
    for table in tables {
      let alone = try Translator.map(describe([table], name: "Shop DB"), by: Mapping()).tables[0]
      let found = together.tables.first { $0.source == table.name }
      #expect(found?.keyMap == alone.keyMap)
      #expect(found?.target == alone.target)
    }
    #expect(
      Set(together.tables.map(\.keyMap.name.name)) == [
        "shop_db_a_b__c", "shop_db_a_b_c", "shop_db_public_a_b_c", "shop_db_public_track_genre",
        "shop_db_x_y__z", "shop_db_x_y",
      ])
  }

  @Test(
    "a table renamed to what another one is called is refused, and pinned to its own name is not")
  func takeover() throws {
    let source = describe(
      ["dbo.FOO", "dbo.One", "dbo.foo"].map {
        table($0, [column("ID", "int")], primaryKey: ["ID"])
      })
    let error = #expect(throws: MappingError.self) {
      try Translator.map(
        source, by: Mapping(yaml: "tables:\n  dbo.One: { rename: foo }", file: "m.yaml"))
    }
    #expect(error?.code == .nameTaken)
    #expect(error?.line == 2)
    #expect(error?.description.contains("dbo.One") == true)
    #expect(error?.description.contains("dbo.FOO") == true)
    let pinned = try Translator.map(
      source, by: Mapping(yaml: "tables:\n  dbo.foo: { rename: foo }", file: "m.yaml"))
    let names = Dictionary(
      pinned.tables.map { ($0.source.name, $0.target.name.name) }, uniquingKeysWith: { $1 })
    #expect(names["foo"] == "foo")
    #expect(names["FOO"]?.hasPrefix("foo_") == true)
  }
}
