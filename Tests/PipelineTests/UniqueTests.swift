import Catalog
import Pipeline
import Report
import TestSupport
import Testing

@Suite("Unique values that move between rows")
struct UniqueTests {
  private static let item = Table.numbered("Item", "ItemID", "Code", unique: [["Code"]])

  @Test("values swap, and a value goes to an unseen row")
  func move() async throws {
    let nights = try Nights([Self.item])
    _ = try await nights.load(["Item": [["1", "a"], ["2", "b"]]])
    let (counts, proof) = try await nights.load(["Item": [["1", "b"], ["2", "c"], ["3", "a"]]])
    #expect(counts == "item: 1 inserted, 2 updated")
    #expect(proof.isEqual)
  }

  @Test("the value of a vanished row that an unseen row wants stops the run with both their names")
  func heldByVanished() async throws {
    let nights = try Nights([Self.item])
    _ = try await nights.load(["Item": [["1", "a"], ["2", "b"]]])
    for isRehearsal in [true, false] {
      let error = await #expect(throws: PipelineError.self) {
        _ = try await nights.load(
          ["Item": [["2", "b"], ["3", "a"]]], options: Load.Options(isRehearsal: isRehearsal))
      }
      #expect(error?.status == .differences)
      #expect(
        error?.problem == """
          public.item: unique key uq_item_code lets {"Code": "a"} stand once: the source's row \
          {"ItemID": 3} has it, and the final row of {"ItemID": 1} still has it, which vanished from \
          the source
          """)
      #expect(error?.advice?.contains("on_vanished: delete for dbo.Item frees") == true)
    }
  }

  @Test("a row that restage never loaded is called that")
  func heldByStranger() async throws {
    let nights = try Nights([Self.item])
    _ = try await nights.load(["Item": [["1", "a"]]])
    try nights.postgres.psql("INSERT INTO public.item (code) VALUES ('z')")
    let error = await #expect(throws: PipelineError.self) {
      _ = try await nights.load(["Item": [["1", "z"]]])
    }
    #expect(error?.problem.contains("a final row that this source never loaded has it") == true)
    #expect(error?.advice?.contains("natural_key") == true)
  }

  @Test("so is a row of another source, when this one is loaded for the first time")
  func heldByOtherSource() async throws {
    let nights = try Nights([Self.item])
    _ = try await nights.load(["Item": [["1", "a"]]])
    let error = await #expect(throws: PipelineError.self) {
      _ = try await nights.load(["Item": [["7", "a"]]], mapping: "source: other")
    }
    #expect(error?.problem.contains(#"lets {"Code": "a"} stand once"#) == true)
    #expect(error?.problem.contains("a final row that this source never loaded has it") == true)
    #expect(error?.advice?.contains("natural_key") == true)
    let left = "SELECT count(*) FROM restage.table_map WHERE source_name = 'other'"
    #expect(try nights.postgres.psql(left) == "0")
  }

  @Test("in a table without a key a changed row is told from the row that it was")
  func withoutKey() async throws {
    var table = Self.item
    table.name = ObjectName("dbo", "Log")
    table.primaryKey = nil
    table.columns[0].identity = nil
    table.uniqueConstraints = []
    table.columns[0].isNullable = true
    table.indexes = [
      Index(
        name: "IX_Log", kind: .nonclustered, isUnique: true, columns: [KeyColumn("ItemID")])
    ]
    let nights = try Nights([table])
    _ = try await nights.load(["Log": [["1", "a"], ["2", "b"]]])
    let error = await #expect(throws: PipelineError.self) {
      _ = try await nights.load(["Log": [["1", "a"], ["2", "c"]]])
    }
    #expect(error?.status == .differences)
    #expect(
      error?.problem.hasPrefix("public.log: unique key ix_log does not let a new row") == true)
    #expect(error?.advice?.contains("on_vanished: delete") == true)
    let (counts, proof) = try await nights.load(
      ["Log": [["1", "a"], ["2", "c"]]], options: Load.Options(allowsShrink: true),
      mapping: "source: music\non_vanished: delete")
    #expect(counts.contains("1 inserted") && counts.contains("1 deleted"))
    #expect(proof.isEqual)
  }

  private static func filtered(_ filter: String) -> Table {
    let index = Index(
      name: "UX_Item_Code", kind: .nonclustered, isUnique: true, columns: [KeyColumn("Code")],
      filter: filter)
    return Table.numbered("Item", "ItemID", "Code", "Note", indexes: [index])
  }

  @Test("values move under an index whose filter leaves out NULLs alone, also to an unseen row")
  func indexWithoutNulls() async throws {
    let nights = try Nights([Self.filtered("([Code] IS NOT NULL)")])
    _ = try await nights.load(
      ["Item": [["1", "a", "x"], ["2", "b", "x"], ["3", nil, "x"], ["4", nil, "x"]]])
    let (counts, proof) = try await nights.load(
      ["Item": [["2", "c", "x"], ["3", "b", "x"], ["4", nil, "x"], ["5", "a", "x"]]],
      mapping: "on_vanished: delete\nmax_vanished: 100%")
    #expect(counts.contains("1 inserted") && counts.contains("1 deleted"))
    #expect(proof.isEqual)
  }

  @Test("values that change places under another filter stop the run with the reason")
  func filteredIndex() async throws {
    let nights = try Nights([Self.filtered("([Code] IS NOT NULL AND [Note] IS NOT NULL)")])
    _ = try await nights.load(["Item": [["1", "a", "x"], ["2", "b", "x"], ["3", nil, "x"]]])
    let error = await #expect(throws: PipelineError.self) {
      _ = try await nights.load(["Item": [["1", "b", "x"], ["2", "a", "x"], ["3", nil, "x"]]])
    }
    #expect(error?.problem.contains("unique key ux_item_code lets") == true)
    #expect(error?.problem.contains("until it changes in the same run") == true)
  }

  @Test("there the advice about a vanished row's value does not name what cannot help")
  func filteredIndexAndVanished() async throws {
    let nights = try Nights([Self.filtered("([Code] IS NOT NULL AND [Note] IS NOT NULL)")])
    let policy = "on_vanished: delete\nmax_vanished: 100%"
    _ = try await nights.load(["Item": [["1", "a", "x"], ["2", "b", "x"]]], mapping: policy)
    let second = ["Item": [["2", "b", "x"], ["3", "a", "x"]]]
    let error = await #expect(throws: PipelineError.self) {
      _ = try await nights.load(second, mapping: policy)
    }
    #expect(error?.problem.contains("which vanished from the source") == true)
    #expect(error?.advice?.contains("before rows that vanished are deleted") == true)
    try nights.postgres.psql("UPDATE public.item SET code = NULL WHERE code = 'a'")
    let (counts, proof) = try await nights.load(second, mapping: policy)
    #expect(counts.contains("1 inserted") && counts.contains("1 deleted"))
    #expect(proof.isEqual)
  }

  @Test("of a vanished row that on_vanished: delete has to leave the advice says why")
  func heldByVanishedParent() async throws {
    let part = Table.numbered("Part", "PartID", "ItemID", parents: [("ItemID", "Item")])
    let nights = try Nights([Self.item, part])
    let policy = "on_vanished: delete\nmax_vanished: 100%"
    _ = try await nights.load(["Item": [["1", "a"]], "Part": []], mapping: policy)
    try nights.postgres.psql(
      "INSERT INTO public.part (item_id) SELECT i.item_id FROM public.item AS i")
    let error = await #expect(throws: PipelineError.self) {
      _ = try await nights.load(["Item": [["2", "a"]], "Part": []], mapping: policy)
    }
    #expect(error?.advice?.hasPrefix("on_vanished: delete leaves rows") == true)
  }
}
