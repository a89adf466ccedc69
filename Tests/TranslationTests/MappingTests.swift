import Catalog
import Testing
import Translation

/// A mapping that is wrong, and what the error says.
struct WrongMapping: Sendable, CustomTestStringConvertible {
  let yaml: String
  let code: MappingError.Code
  let line: Int?
  let path: String
  /// A part of the message.
  let message: String

  init(
    _ yaml: String, _ code: MappingError.Code, line: Int?, _ path: String, _ message: String
  ) {
    self.yaml = yaml
    self.code = code
    self.line = line
    self.path = path
    self.message = message
  }

  var testDescription: String { yaml }
}

@Suite("mapping")
struct MappingTests {
  static let source = describe([
    table(
      "dbo.Artist",
      [column("ArtistID", "int", identity: identity()), column("Name", "nvarchar(20)")],
      primaryKey: ["ArtistID"]),
    table(
      "dbo.Album",
      [
        column("AlbumID", "int", identity: identity()), column("ArtistID", "int"),
        column("Price", "decimal(10,2)"), column("IsNew", "bit"), column("At", "datetime"),
        column("Doc", "xml null"), column("LabelID", "int null"),
        column("Twice", "int null", computed: Computed(definition: "(1)", isPersisted: false)),
      ], primaryKey: ["AlbumID"],
      foreignKeys: [foreignKey("FK_Artist", ["ArtistID"], to: "dbo.Artist", ["ArtistID"])]),
    table("dbo.Log", [column("At", "datetime"), column("Doc", "xml null")]),
    table("dbo.Pair", [column("A", "int"), column("B", "int")], primaryKey: ["A", "B"]),
  ])

  @Test(
    "an empty mapping says nothing",
    arguments: ["", "\n", "# nothing\n", "---\n", "{}", "tables:\n"])
  func empty(yaml: String) throws {
    #expect(try Mapping(yaml: yaml) == Mapping())
  }

  @Test("what becomes of text is decided column by column, the nearest word counts")
  func textPolicies() throws {
    let mapping = try Mapping(
      yaml: """
        nul: replace
        tables:
          dbo.Log: { nul: fail }
          dbo.Artist: { columns: { name: { nul: strip } } }
        """)
    let tables = Self.source.tables
    let policies = try mapping.textPolicies(for: tables)
    let artist = try #require(policies[ObjectName("dbo", "Artist")])
    #expect(artist["Name"] == .strip)
    #expect(artist.filter { $0.key != "Name" }.allSatisfy { $0.value == .replace })
    #expect(artist.count > 1)
    #expect(policies[ObjectName("dbo", "Log")] == nil)
  }

  @Test("every key is read")
  func everyKey() throws {
    let mapping = try Mapping(
      yaml: """
        source: stride
        names: preserve
        keys: preserve
        on_changed: ignore
        on_vanished: mark
        max_vanished: 0.5%
        mark_column: gone_at
        on_conflict: keep
        on_orphan: null
        keep_before: true
        schemas: { Sales: trade }
        tables:
          dbo.*:
            on_changed: report
            on_conflict: fail
            on_vanished: delete
            max_vanished: 100
            keep_before: false
          dbo.Artist: { rename: performer, skip: "no", keys: remap, key: [A, B], on_orphan: reject }
          dbo.Album:
            foreign_keys: { FK_Artist: { on_orphan: fail } }
            columns:
              Price: { rename: cost, type: numeric, default: "0 + 1", references: dbo.Artist }
              IsNew: { default: null }
        """)
    #expect(mapping.source == "stride")
    #expect(mapping.names == .preserve)
    #expect(mapping.keys == .preserve)
    #expect(mapping.onChanged == .ignore)
    #expect(mapping.onOrphan == .null)
    #expect(mapping.onConflict == .keep)
    #expect(mapping.onVanished == .mark)
    #expect(mapping.vanishedMax == .percent("0.5"))
    #expect(mapping.markColumn?.value == "gone_at")
    #expect(mapping.tables[0].onConflict == .fail)
    #expect(mapping.tables[0].onVanished == .delete)
    #expect(mapping.tables[0].vanishedMax == .rows(100))
    #expect(mapping.schemas.map(\.target.value) == ["trade"])
    #expect(mapping.tables.map(\.pattern.value) == ["dbo.*", "dbo.Artist", "dbo.Album"])
    #expect(mapping.tables.map(\.pattern.line) == [13, 19, 20])
    #expect(mapping.keepBefore && mapping.tables[0].keepBefore == false)
    #expect(mapping.tables[1].key?.value == ["A", "B"])
    #expect(mapping.tables[1].skip == "no")
    #expect(mapping.tables[2].foreignKeys.map(\.name.value) == ["FK_Artist"])
    let columns = mapping.tables[2].columns
    #expect(
      columns.map(\.name.path) == [
        "tables.dbo.Album.columns.Price", "tables.dbo.Album.columns.IsNew",
      ])
    #expect(columns[0].defaultExpression?.value == "0 + 1")
    #expect(columns[1].defaultExpression?.value == .some(nil))
    #expect(columns[1].defaultExpression != nil)
  }

  @Test(
    "an expression is one, however much it holds of what would end it",
    arguments: [
      "a > 1", "(a OR b) AND f(c[1])", "name = ')'", "name = 'it''s ('", #"name = E'\')'"#,
      #""odd)" = 1"#, "a -- )\n", "a /* ) /* ; */ ( */", "name = $$ ) ; $$", "name = $x$ $$ ( $x$",
      #"name = 'C:\'"#, "a$b$c > 1", "größe > 1",
    ])
  func expressions(text: String) throws {
    let quoted = "'" + text.replacing("'", with: "''").replacing("\n", with: "\n\n") + "'"
    let mapping = try Mapping(yaml: "tables: { dbo.Artist: { where: \(quoted) } }")
    #expect(mapping != Mapping())
  }

  @Test(
    "an expression that ends what it stands in is refused",
    arguments: [
      "a) OR (b", "a)", "(a", "f(a]", "a; b", "name = 'x", #"name = E'\'"#, #""odd"#, "a /* b",
      "a /* /* */", "name = $x$ $$", "a -- (\n)",
    ])
  func brokenExpressions(text: String) {
    let quoted = "'" + text.replacing("'", with: "''").replacing("\n", with: "\n\n") + "'"
    let error = #expect(throws: MappingError.self) {
      try Mapping(yaml: "tables: { dbo.Artist: { where: \(quoted) } }")
    }
    #expect(error?.code == .wrongValue)
  }

  @Test("what is wrong is named with its line", arguments: wrong)
  func wrongMappings(wrong: WrongMapping) throws {
    let error = #expect(throws: MappingError.self) {
      _ = try Translator.map(Self.source, by: Mapping(yaml: wrong.yaml, file: "restage.yaml"))
    }
    let found = try #require(error)
    #expect(found.code == wrong.code)
    #expect(found.line == wrong.line)
    #expect(found.path == wrong.path)
    #expect(found.description.contains(wrong.message), "\(found)")
    #expect(found.description.hasPrefix("restage.yaml" + (wrong.line.map { ":\($0)" } ?? "")))
    #expect(!found.description.contains("\n"))
  }

  static let wrong: [WrongMapping] = [
    // Not YAML, not this grammar.
    WrongMapping("a: [1", .syntax, line: 2, "", "YAML"),
    WrongMapping("source: a\n\tb", .syntax, line: 2, "", "YAML"),
    WrongMapping("- a\n- b", .wrongValue, line: 1, "", "keys with values"),
    WrongMapping("source: a\nsource: b", .duplicateKey, line: 1, "", "'source'"),
    WrongMapping(
      "tables:\n  dbo.Artist: {}\n  dbo.Artist: {}", .duplicateKey, line: 2, "", "'dbo.Artist'"),
    WrongMapping("sorce: a", .unknownKey, line: 1, "sorce", "'sorce'"),
    WrongMapping(
      "keep_before: yes", .wrongValue, line: 1, "keep_before", "true or false, found 'yes'"),
    WrongMapping(
      "tables:\n  dbo.Artist:\n    renam: x", .unknownKey, line: 3, "tables.dbo.Artist.renam",
      "rename"),
    WrongMapping(
      "tables:\n  dbo.Artist:\n    columns:\n      Name: { typ: text }", .unknownKey, line: 4,
      "tables.dbo.Artist.columns.Name.typ", "type"),
    WrongMapping(
      "tables:\n  dbo.Album:\n    foreign_keys:\n      FK_Artist: { orphan: fail }", .unknownKey,
      line: 4,
      "tables.dbo.Album.foreign_keys.FK_Artist.orphan", "on_orphan"),
    // Values of the wrong kind.
    WrongMapping("source: [a]", .wrongValue, line: 1, "source", "a list"),
    WrongMapping("source:", .wrongValue, line: 1, "source", "nothing"),
    WrongMapping(
      "names: camelCase", .wrongValue, line: 1, "names", "snake_case, lower or preserve"),
    WrongMapping("keys:\n  remap: yes", .wrongValue, line: 1, "keys", "remap or preserve"),
    WrongMapping("\n\non_changed: never", .wrongValue, line: 3, "on_changed", "'never'"),
    WrongMapping("on_orphan: skip", .wrongValue, line: 1, "on_orphan", "fail, reject or null"),
    WrongMapping("on_vanished: keep", .wrongValue, line: 1, "on_vanished", "'keep'"),
    WrongMapping(
      "on_conflict: ask", .wrongValue, line: 1, "on_conflict", "overwrite, keep or fail"),
    WrongMapping("max_vanished: 5 %", .wrongValue, line: 1, "max_vanished", "such as 5%"),
    WrongMapping("max_vanished: -1", .wrongValue, line: 1, "max_vanished", "'-1'"),
    WrongMapping("max_vanished: 1e9%", .wrongValue, line: 1, "max_vanished", "'1e9%'"),
    // Columns that the target alone has, and rows that are recognised.
    WrongMapping(
      "tables:\n  dbo.Artist: { on_vanished: mark, mark_column: name }", .nameTaken, line: 2,
      "tables.dbo.Artist.mark_column", "'name'"),
    WrongMapping(
      "tables:\n  dbo.Artist: { natural_key: [Title] }", .noSuchColumn, line: 2,
      "tables.dbo.Artist.natural_key", "'Title'"),
    WrongMapping(
      "tables:\n  dbo.Artist: { natural_key: [ArtistID] }", .unfitKey, line: 2,
      "tables.dbo.Artist.natural_key", "'ArtistID', which gets new ones"),
    WrongMapping(
      "tables:\n  dbo.Pair: { natural_key: [A] }", .unfitKey, line: 2,
      "tables.dbo.Pair.natural_key", "the columns of the key itself"),
    WrongMapping(
      "tables:\n  dbo.Log: { natural_key: [At] }", .unfitKey, line: 2,
      "tables.dbo.Log.natural_key", "which has none"),
    WrongMapping(
      "tables:\n  dbo.Album: { natural_key: [Doc] }", .unfitKey, line: 2,
      "tables.dbo.Album.natural_key", "that can be compared"),
    WrongMapping("tables: [dbo.Artist]", .wrongValue, line: 1, "tables", "a list"),
    WrongMapping("tables:\n  Artist: {}", .wrongValue, line: 2, "tables.Artist", "dbo.Artist"),
    WrongMapping(
      "tables:\n  dbo.Log: { key: At }", .wrongValue, line: 2, "tables.dbo.Log.key", "[FirstColumn"),
    WrongMapping(
      "tables:\n  dbo.Log:\n    key:\n    - At\n    - At", .wrongValue, line: 5,
      "tables.dbo.Log.key",
      "'At' twice"),
    WrongMapping("? [a]\n: b", .wrongValue, line: 1, "", "a plain key"),
    // Known to the format, not to this version.
    WrongMapping(
      "tables: { dbo.Artist: { columns: { Name: { skip: x } } } }", .notSupported, line: 1,
      "tables.dbo.Artist.columns.Name.skip", "'skip'"),
    // Expressions of the mapping.
    WrongMapping(
      "tables:\n  dbo.Artist:\n    where: \"id > 1) OR (true\"", .wrongValue, line: 3,
      "tables.dbo.Artist.where", "a ) without its ("),
    WrongMapping(
      "tables: { dbo.Artist: { columns: { Name: { expr: \"(name\" } } } }", .wrongValue, line: 1,
      "tables.dbo.Artist.columns.Name.expr", "a ( that is never closed"),
    WrongMapping(
      "tables:\n  dbo.Artist:\n    add: { a: { type: text, expr: \"1; DROP TABLE t\" } }",
      .wrongValue, line: 3, "tables.dbo.Artist.add.a.expr", "a ; which ends a statement"),
    WrongMapping(
      "tables:\n  dbo.Artist:\n    add: { a: \"now()\" }", .wrongValue, line: 3,
      "tables.dbo.Artist.add.a", "keys with values"),
    WrongMapping(
      "tables:\n  dbo.Artist:\n    add: { a: { expr: \"now()\" } }", .wrongValue, line: 3,
      "tables.dbo.Artist.add.a", "no type"),
    WrongMapping(
      "tables:\n  dbo.Artist:\n    add: { name: { type: text, expr: \"1\" } }", .nameTaken, line: 3,
      "tables.dbo.Artist.add.name", "'name'"),
    WrongMapping(
      "tables: { dbo.Album: { columns: { ArtistID: { expr: \"1\" } } } }", .unfitKey, line: 1,
      "tables.dbo.Album.columns.ArtistID.expr", "source key or foreign key"),
    WrongMapping(
      "tables: { dbo.Artist: { columns: { Name: { nul: drop } } } }", .wrongValue, line: 1,
      "tables.dbo.Artist.columns.Name.nul", "fail, strip or replace"),
    // What the database does not have.
    WrongMapping(
      "tables:\n  dbo.Artist: {}\n  dbo.Nobody: {}", .noSuchTable, line: 3, "tables.dbo.Nobody",
      "matches none"),
    WrongMapping("tables:\n  x.*: {}", .noSuchTable, line: 2, "tables.x.*", "matches none"),
    WrongMapping("schemas:\n  sales: trade", .noSuchTable, line: 2, "schemas.sales", "'sales'"),
    WrongMapping(
      "tables:\n  dbo.Artist:\n    columns:\n      Nme: { rename: x }", .noSuchColumn, line: 4,
      "tables.dbo.Artist.columns.Nme", "'Nme'"),
    WrongMapping(
      "tables:\n  dbo.Album:\n    columns:\n      Twice: { rename: x }", .noSuchColumn, line: 4,
      "tables.dbo.Album.columns.Twice", "a stored column"),
    WrongMapping(
      "tables:\n  dbo.Log:\n    key: [Att]", .noSuchColumn, line: 3, "tables.dbo.Log.key", "'Att'"),
    WrongMapping(
      "tables:\n  dbo.Album:\n    foreign_keys:\n      FK_X: {}", .noSuchForeignKey, line: 4,
      "tables.dbo.Album.foreign_keys.FK_X", "'FK_X'"),
    WrongMapping(
      "tables:\n  dbo.Album:\n    columns:\n      LabelID: { references: dbo.Label }", .noSuchTable,
      line: 4,
      "tables.dbo.Album.columns.LabelID.references", "'dbo.Label'"),
    // Names.
    WrongMapping(
      "tables:\n  dbo.Artist: { rename: x }\n  dbo.Album: { rename: x }", .nameTaken, line: 2,
      "tables.dbo.Artist.rename", "which dbo.Album has"),
    WrongMapping(
      "tables:\n  dbo.*: { rename: x }", .nameTaken, line: 2, "tables.dbo.*.rename", "one table"),
    WrongMapping(
      "tables:\n  dbo.Album:\n    columns:\n      Price: { rename: x }\n      IsNew: { rename: x }",
      .nameTaken, line: 5, "tables.dbo.Album.columns.IsNew.rename", "another column"),
    WrongMapping(
      "tables:\n  dbo.Album:\n    columns:\n      Price: { rename: xmin }", .nameTaken, line: 4,
      "tables.dbo.Album.columns.Price.rename", "PostgreSQL itself"),
    WrongMapping("schemas:\n  dbo: pg_x", .nameTaken, line: 2, "schemas.dbo", "keeps for itself"),
    WrongMapping(
      "tables:\n  dbo.Artist: { rename: restage_stage.x }", .nameTaken, line: 2,
      "tables.dbo.Artist.rename", "keeps for itself"),
    WrongMapping(
      "schemas:\n  dbo: \(String(repeating: "x", count: 64))", .wrongValue, line: 2, "schemas.dbo",
      "64 bytes"),
    // Types and keys.
    WrongMapping(
      "tables:\n  dbo.Album:\n    columns:\n      Price: { type: numric }", .unfitType, line: 4,
      "tables.dbo.Album.columns.Price.type", "'numric'"),
    WrongMapping(
      "tables:\n  dbo.Album:\n    columns:\n      Price: { type: integer }", .unfitType, line: 4,
      "tables.dbo.Album.columns.Price.type", "numeric(10,2)"),
    WrongMapping(
      "tables:\n  dbo.Album:\n    columns:\n      AlbumID: { type: text }", .unfitType, line: 4,
      "tables.dbo.Album.columns.AlbumID.type", "a sequence fills"),
    WrongMapping(
      "tables:\n  dbo.Album:\n    columns:\n      ArtistID: { type: text }", .unfitType, line: 4,
      "tables.dbo.Album.columns.ArtistID.type", "text and integer"),
    WrongMapping(
      "tables:\n  dbo.Album:\n    columns:\n      Price: { references: dbo.Artist, type: text }",
      .unfitType, line: 4, "tables.dbo.Album.columns.Price.type", "text and integer"),
    WrongMapping(
      "tables:\n  dbo.Album:\n    columns:\n      IsNew: { references: dbo.Artist }",
      .unfitType, line: 4, "tables.dbo.Album.columns.IsNew.references", "boolean and integer"),
    WrongMapping(
      "tables:\n  dbo.Artist: { key: [Name] }", .unfitKey, line: 2, "tables.dbo.Artist.key",
      "primary key"),
    WrongMapping(
      "tables:\n  dbo.Log: { key: [Doc] }", .unfitKey, line: 2, "tables.dbo.Log.key", "xml"),
    WrongMapping(
      "tables:\n  dbo.Album:\n    foreign_keys:\n      FK_Artist: { on_orphan: null }", .unfitKey,
      line: 4,
      "tables.dbo.Album.foreign_keys.FK_Artist.on_orphan", "may not be NULL"),
    WrongMapping(
      "tables:\n  dbo.Album:\n    columns:\n      LabelID: { references: dbo.Pair }", .unfitKey,
      line: 4,
      "tables.dbo.Album.columns.LabelID.references", "primary key of one column"),
    WrongMapping(
      "tables:\n  dbo.Album:\n    columns:\n      ArtistID: { references: dbo.Artist }", .unfitKey,
      line: 4,
      "tables.dbo.Album.columns.ArtistID.references", "which does"),
  ]
}

@Suite("table patterns")
struct TablePatternTests {
  @Test(
    "a star stands for any characters, case does not matter",
    arguments: [
      ("dbo.Artist", "dbo.Artist", true), ("DBO.ARTIST", "dbo.Artist", true),
      ("dbo.*", "dbo.A", true),
      ("*.Artist", "x.Artist", true), ("*", "a.b", true), ("dbo.A*t", "dbo.Artist", true),
      ("dbo.A*x*t", "dbo.Artist", false), ("dbo.*ist*", "dbo.Artist", true),
      ("dbo.Art", "dbo.Artist", false),
      ("dbo.**", "dbo.", true), ("dbo.Artist*", "dbo.Artist", true), ("a.*b*b", "a.bb", true),
      ("a.*b*b", "a.b", false), ("dbo.Straße", "dbo.STRASSE", false),
    ])
  func matches(pattern: String, name: String, isMatch: Bool) {
    #expect(TablePattern(pattern).matches(in: [objectName(name)]) == (isMatch ? [0] : []))
  }

  @Test("an exact spelling wins over one that differs in case")
  func exactSpelling() {
    let names = [objectName("dbo.foo"), objectName("dbo.Foo")]
    #expect(TablePattern("dbo.Foo").matches(in: names) == [1])
    #expect(TablePattern("dbo.FOO").matches(in: names) == [0, 1])
  }
}
