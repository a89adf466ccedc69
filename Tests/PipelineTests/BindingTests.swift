// What was loaded once stays bound: a source to its database, a source table to its final table and
// its key map. Where the next plan says otherwise the load is refused, and no row is doubled or
// overwritten.

import Catalog
import Foundation
import TestSupport
import Testing

@Suite("What a load is bound to")
struct BindingTests {
  private let source: SmallSource
  private let target: TestPostgres

  init() throws {
    source = try SmallSource()
    target = try TestPostgres()
  }

  private func expect(
    _ ran: Shell.Outcome, _ status: Int32, naming words: String...,
    at line: SourceLocation = #_sourceLocation
  ) {
    #expect(ran.status == status, "\(ran.output)\(ran.errors)", sourceLocation: line)
    for word in words {
      #expect(ran.errors.contains(word), "\(word) in \(ran.errors)", sourceLocation: line)
    }
  }

  // MARK: - Databases

  @Test(
    "78: another database of the same source name",
    arguments: [("ShopDB", "Shop DB"), ("A_B", "a_b"), ("shop.db", "shop-db")])
  func otherDatabase(first: String, second: String) throws {
    let one = try source.snapshot("1", of: first, SmallTable("dbo", "T", [[1, 11], [2, 12]]))
    let two = try source.snapshot("2", of: second, SmallTable("dbo", "T", [[1, 99]]))
    expect(try target.load(one), 0)
    expect(try target.load(two), 78, naming: first, second, "source: NAME", "restage.source")
    #expect(try target.psql("SELECT v FROM public.t ORDER BY 1") == "11\n12")

    // Under a name of its own it is a second source of the same final table.
    let mapping = try source.mapping("source: second\n")
    expect(try target.load(two, "--mapping", mapping), 0)
    #expect(try target.psql("SELECT v FROM public.t ORDER BY 1") == "11\n12\n99")
  }

  @Test("tables of the right database are not called gone before the wrong one is refused")
  func otherDatabaseHasOtherTables() throws {
    let mapping = try source.mapping("source: shop\n")
    let one = try source.snapshot("1", of: "Shop", SmallTable("dbo", "T", [[1, 11]]))
    let two = try source.snapshot("2", of: "Stock", SmallTable("dbo", "Other", [[1, 12]]))
    expect(try target.load(one, "--mapping", mapping), 0)
    let refused = try target.load(two, "--mapping", mapping)
    expect(refused, 78, naming: "Shop", "Stock")
    #expect(!refused.errors.contains("no longer in the source"), "\(refused.errors)")
  }

  @Test("a database that was renamed is told by an UPDATE")
  func renamedDatabase() throws {
    let one = try source.snapshot("1", of: "Old", SmallTable("dbo", "T", [[1, 11]]))
    let two = try source.snapshot("2", of: "New", SmallTable("dbo", "T", [[1, 12]]))
    let mapping = try source.mapping("source: shop\n")
    expect(try target.load(one, "--mapping", mapping), 0)
    expect(try target.load(two, "--mapping", mapping), 78, naming: "Old", "New")
    try target.psql(
      "UPDATE restage.source SET database_name = 'New' WHERE source_name = 'shop'")
    expect(try target.load(two, "--mapping", mapping), 0)
    #expect(try target.psql("SELECT v FROM public.t") == "12")
  }

  @Test("a load that failed binds nothing")
  func failedLoad() throws {
    let one = try source.snapshot("1", of: "A B", SmallTable("dbo", "T", [[1, 11]]))
    try FileManager.default.removeItem(atPath: "\(one)/data/dbo.T/000001.csv")
    expect(try target.load(one), 66)
    let two = try source.snapshot("2", of: "a_b", SmallTable("dbo", "T", [[1, 11]]))
    expect(try target.load(two), 0)
  }

  @Test("76: a plan of another database")
  func planOfOtherDatabase() throws {
    let one = try source.snapshot("1", of: "A B", SmallTable("dbo", "T", [[1, 11]]))
    let two = try source.snapshot("2", of: "a_b", SmallTable("dbo", "T", [[1, 11]]))
    let plan = "\(source.folder.path)/plan"
    _ = try RestageTool.run(["plan", one, "--into", plan])
    expect(try target.load(two, "--plan", plan), 76, naming: "A B", "a_b")
  }

  @Test("64: a plan is not written over that of another source, nor over what is no plan")
  func planOverOther() throws {
    let one = try source.snapshot("1", of: "Shop", SmallTable("dbo", "T", [[1, 11]]))
    let two = try source.snapshot("2", of: "Stock", SmallTable("dbo", "T", [[1, 11]]))
    let plan = "\(source.folder.path)/plan"
    expect(try RestageTool.run(["plan", one, "--into", plan]), 0)
    expect(try RestageTool.run(["plan", two, "--into", plan]), 64, naming: "shop", "stock")
    expect(try RestageTool.run(["plan", one, "--into", plan]), 0)
    // A plan that was being written when it was interrupted.
    let manager = FileManager.default
    try manager.moveItem(atPath: "\(plan)/plan.json", toPath: "\(plan)/plan.json.unfinished")
    expect(try RestageTool.run(["plan", two, "--into", plan]), 64, naming: "shop")
    expect(try RestageTool.run(["plan", one, "--into", plan]), 0)
    #expect(!manager.fileExists(atPath: "\(plan)/plan.json.unfinished"))
    let other = "\(source.folder.path)/other"
    try manager.createDirectory(atPath: "\(other)/verify", withIntermediateDirectories: true)
    expect(try RestageTool.run(["plan", one, "--into", other]), 64, naming: "verify")
    #expect(manager.fileExists(atPath: "\(other)/verify"))
  }

  // MARK: - Key maps of other sources

  /// `a_b` with schema `c`, and `a` with schema `b_c`: `a_b_c_t`.
  @Test(
    "78: a key map of another source, whatever the key and the tables loaded",
    arguments: [["Id"], ["Id", "V"]])
  func sharedKeyMap(key: [String]) throws {
    var first = SmallTable("c", "t", [[1, 11], [2, 12]])
    var second = SmallTable("b", "c_t", [[1, 11], [2, 12], [3, 13]])
    for change in [\SmallTable.key] {
      (first[keyPath: change], second[keyPath: change]) = (key, key)
    }
    (first.hasIdentity, second.hasIdentity) = (false, false)
    let one = try source.snapshot("1", of: "a_b", first)
    let two = try source.snapshot(
      "2", of: "a", second, SmallTable("b", "other", [[1, 1]]))
    expect(try target.load(one), 0)
    expect(try target.load(two), 78, naming: "a_b.c.t", "source: NAME")
    expect(try target.load(two, "--tables", "b.other"), 78, naming: "a_b.c.t")
    #expect(try target.psql("SELECT to_regclass('b.c_t') IS NULL") == "t")
  }

  // MARK: - Tables that are empty

  @Test(
    "rows of an empty table are said to stay only where they do", arguments: ["report", "delete"])
  func emptyTable(policy: String) throws {
    let full = try source.snapshot("1", of: "s", SmallTable("dbo", "T", [[1, 1], [2, 2]]))
    let empty = try source.snapshot("2", of: "s", SmallTable("dbo", "T", []))
    let mapping = try source.mapping("on_vanished: \(policy)\n")
    expect(try target.load(full), 0)
    let loaded = try target.load(empty, "--mapping", mapping, "--allow-shrink")
    expect(loaded, 0)
    let isLeft = policy == "report"
    #expect(loaded.errors.contains("its rows are still in the target") == isLeft)
    #expect(try target.psql("SELECT count(*) FROM public.t") == (isLeft ? "2" : "0"))
  }

  // MARK: - Tables that are gone

  private static let gone = "dbo.Gone (public.gone): loaded earlier, no longer in the source"

  @Test("a table that the source no longer has is named")
  func goneTable() throws {
    let both = try source.snapshot(
      "1", of: "s", SmallTable("dbo", "Gone", [[1, 1]]), SmallTable("dbo", "Stays", [[1, 1]]))
    let one = try source.snapshot("2", of: "s", SmallTable("dbo", "Stays", [[1, 1]]))
    expect(try target.load(both), 0)
    expect(try target.load(one), 0, naming: "no longer in the source", "table=dbo.Gone")
    let proof = try target.verify(one)
    expect(proof, 0)
    #expect(proof.output.contains(Self.gone), "\(proof.output)")
    #expect(try target.psql("SELECT count(*) FROM public.gone") == "1")
  }

  @Test(
    "a table that nobody asked for is not",
    arguments: [["--tables", "dbo.Stays"], ["--mapping", "dbo.*o*"], ["--mapping", "dbo.go*"]])
  func leftOutTable(options: [String]) throws {
    let stays = SmallTable("dbo", "Stays", [[1, 1]])
    let other = SmallTable("dbo", "Goes", [[1, 1]])
    let all = try source.snapshot("1", of: "s", SmallTable("dbo", "Gone", [[1, 1]]), other, stays)
    let some = try source.snapshot("2", of: "s", other, stays)
    expect(try target.load(all), 0)
    var options = options
    if options[0] == "--mapping" {
      options[1] = try source.mapping("tables: { \"\(options[1])\": { skip: not wanted } }\n")
    }
    let loaded = try RestageTool.run(
      ["load", some, "--target", target.uri, "--quiet"] + options)
    expect(loaded, 0)
    #expect(!loaded.errors.contains("Gone"), "\(loaded.errors)")
    let proof = try RestageTool.run(["verify", some, "--target", target.uri] + options)
    expect(proof, 0)
    #expect(!proof.output.contains("Gone"), "\(proof.output)")
  }

  // MARK: - Tables that appear later

  @Test("76: a table that appears later and takes the final table of another")
  func namesChangeHands() throws {
    let rows = [[8, 1], [9, 2]]
    let one = try source.snapshot("1", of: "s", SmallTable("dbo", "foo", rows))
    let two = try source.snapshot(
      "2", of: "s", SmallTable("dbo", "FOO", [[1, 11], [9, 2]]), SmallTable("dbo", "foo", rows))
    expect(try target.load(one), 0)
    expect(
      try target.load(two), 76, naming: "dbo.foo", "dbo.FOO", "public.foo",
      #""dbo.foo": { rename: "foo" }"#)
    expect(try target.load(two, "--tables", "dbo.FOO"), 76)
    #expect(try target.psql("SELECT count(*) FROM public.foo") == "2")

    // As the advice says; FOO is new, and its final table has to be made by hand.
    let mapping = try source.mapping(
      "tables:\n  \"dbo.foo\": { rename: \"foo\" }\n  \"dbo.FOO\": { rename: upper }\n")
    expect(try target.load(two, "--mapping", mapping), 76, naming: "public.upper")
    #expect(try target.psql("SELECT count(*) FROM public.foo") == "2")
  }

  @Test("76: a table that is new in the source is made as the message says, and then loaded")
  func newTable() throws {
    let old = SmallTable("dbo", "Old", [[1, 1]])
    var new = SmallTable("sales", "New", [[1, 1], [2, 1]])
    new.foreignKeys = [
      ForeignKey(
        name: "FK", columns: ["V"], parent: ObjectName("dbo", "Old"), parentColumns: ["Id"])
    ]
    let one = try source.snapshot("1", of: "s", old)
    let two = try source.snapshot("2", of: "s", old, new)
    expect(try target.load(one), 0)
    expect(
      try target.load(two), 76, naming: "new in the source since the last load",
      "sales.New (sales.new)", "ddl/10_schemas.sql", "ddl/20_tables.sql", "ddl/60_comments.sql")

    let plan = "\(source.folder.path)/plan"
    _ = try RestageTool.run(["plan", two, "--into", plan])
    for file in ["10_schemas", "20_tables", "30_keys", "40_indexes", "50_foreign_keys"] {
      let text = try String(contentsOfFile: "\(plan)/ddl/\(file).sql", encoding: .utf8)
      let statements = text.components(separatedBy: ";\n").map { $0 + ";\n" }
      for statement in statements where statement.contains("sales") && statement.contains("(") {
        try target.psql(statement)
      }
      if file == "10_schemas" { try target.psql(text) }
    }
    expect(try target.load(two), 0)
    expect(try target.verify(two), 0)
    #expect(try target.psql("SELECT count(*) FROM sales.new") == "2")
  }

  @Test("a table of another schema that appears later leaves key maps alone")
  func keyMapsOfSchemas() throws {
    let first = SmallTable("a_b", "c", [[1, 11], [2, 12]])
    let one = try source.snapshot("1", of: "s", first)
    let two = try source.snapshot(
      "2", of: "s", first, SmallTable("a", "b_c", [[1, 11], [2, 12]]))
    expect(try target.load(one), 0)
    try target.psql(
      """
      CREATE SCHEMA a;
      CREATE TABLE a.b_c (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, v integer)
      """)
    expect(try target.load(two), 0)
    #expect(
      try target.psql("SELECT (SELECT count(*) FROM a_b.c), (SELECT count(*) FROM a.b_c)") == "2|2")
  }

  @Test("76: a mapping that moves a table after it was loaded, both ways")
  func movedTable() throws {
    let one = try source.snapshot(
      "1", of: "s", SmallTable("dbo", "One", [[1, 11]]),
      SmallTable("dbo", "Two", [[1, 21], [2, 22]]))
    expect(try target.load(one), 0)
    let swapped = try source.mapping(
      "tables:\n  dbo.One: { rename: two }\n  dbo.Two: { rename: one }\n")
    expect(
      try target.load(one, "--mapping", swapped), 76, naming: "dbo.One", "dbo.Two", "public.one",
      "public.two")
    #expect(
      try target.psql("SELECT (SELECT count(*) FROM one), (SELECT count(*) FROM two)") == "1|2")
  }

  @Test("by hand: the plan's own SQL refuses to move a table")
  func byHand() throws {
    let one = try source.snapshot("1", of: "s", SmallTable("dbo", "One", [[1, 11]]))
    expect(try target.load(one), 0)
    let mapping = try source.mapping("tables:\n  dbo.One: { rename: two }\n")
    let plan = "\(source.folder.path)/plan"
    _ = try RestageTool.run(["plan", one, "--into", plan, "--mapping", mapping])
    let ran = try Shell.run(
      "psql",
      [
        "-X", "-1", "-v", "ON_ERROR_STOP=1", "-d", target.uri, "-f", "\(plan)/ddl/15_key_maps.sql",
      ])
    #expect(ran.status == 3)
    #expect(ran.errors.contains("dbo.One"), "\(ran.errors)")
    #expect(try target.psql("SELECT target_table FROM restage.table_map") == "one")
  }

  // MARK: - Key maps that are gone

  @Test(
    "76: a key map that is registered and gone, or empty", arguments: ["DROP TABLE", "TRUNCATE"])
  func lostKeyMap(command: String) throws {
    let one = try source.snapshot("1", of: "s", SmallTable("dbo", "T", [[1, 11], [2, 12]]))
    expect(try target.load(one), 0)
    try target.psql("\(command) restage_keymap.s_public_t")
    expect(try target.load(one), 76, naming: "restage_keymap.s_public_t", "dbo.T")
    #expect(try target.psql("SELECT count(*) FROM public.t") == "2")
  }

  @Test("a key map whose rows were deleted with their final rows has lost none")
  func deletedRows() throws {
    let one = try source.snapshot("1", of: "s", SmallTable("dbo", "T", [[1, 11], [2, 12]]))
    let none = try source.snapshot("2", of: "s", SmallTable("dbo", "T", []))
    let mapping = try source.mapping("on_vanished: delete\n")
    expect(try target.load(one, "--mapping", mapping), 0)
    try target.psql("INSERT INTO public.t (v) VALUES (99)")
    for _ in 0..<2 { expect(try target.load(none, "--mapping", mapping, "--allow-shrink"), 0) }
    expect(try target.load(one, "--mapping", mapping), 0)
    #expect(try target.psql("SELECT v FROM public.t ORDER BY 1") == "11\n12\n99")
  }

  @Test("76: key maps that know rows of final tables that are gone")
  func lostTables() throws {
    let one = try source.snapshot("1", of: "s", SmallTable("dbo", "T", [[1, 11]]))
    expect(try target.load(one), 0)
    try target.psql("DROP TABLE public.t")
    expect(try target.load(one), 76, naming: "public.t", "restage_keymap.s_public_t")
    // Both gone: nothing can be doubled, and the load begins anew.
    try target.psql("DROP TABLE restage_keymap.s_public_t")
    expect(try target.load(one), 0)
    #expect(try target.psql("SELECT count(*) FROM public.t") == "1")
  }

  @Test("rows that were there before the first load are counted in a warning and by verify")
  func rowsOfOthers() throws {
    let one = try source.snapshot("1", of: "s", SmallTable("dbo", "T", [[1, 11], [2, 12]]))
    try target.psql(
      """
      CREATE TABLE public.t (
        id integer GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.t_id_seq) PRIMARY KEY,
        v integer
      );
      INSERT INTO public.t (v) VALUES (1), (2), (3)
      """)
    let ran = try target.load(one)
    expect(ran, 0, naming: "warning", "public.t", "3")
    expect(try target.load(one), 0)
    #expect(try target.load(one).errors.isEmpty)
    for level in ["counts", "keys", "content"] {
      let proof = try target.verify(one, "--level", level)
      #expect(proof.status == 0)
      #expect(proof.output.contains("not ours"), "\(proof.output)")
      #expect(
        proof.output.contains("3 rows of these tables are not from this source"), "\(proof.output)")
    }
  }
}
