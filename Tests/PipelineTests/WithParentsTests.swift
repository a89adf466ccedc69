// `--with-parents`: a selection grows to what its foreign keys lead to, and says so.

import Catalog
import Foundation
import TestSupport
import Testing

@Suite("Selections with their parents")
struct WithParentsTests {
  private let source: SmallSource
  private let target: TestPostgres

  init() throws {
    source = try SmallSource()
    target = try TestPostgres()
  }

  private func link(_ name: String, to parent: String) -> ForeignKey {
    ForeignKey(
      name: name, columns: ["V"], parent: ObjectName("dbo", parent), parentColumns: ["Id"])
  }

  /// Line leads to Order, Order to Customer; Customer and Order lead to themselves or nowhere.
  private func shop() throws -> String {
    var line = SmallTable("dbo", "Line", [[1, 5]])
    line.foreignKeys = [link("FK_Line_Order", to: "Order")]
    var order = SmallTable("dbo", "Order", [[5, 7]])
    order.foreignKeys = [link("FK_Order_Customer", to: "Customer")]
    var customer = SmallTable("dbo", "Customer", [[7, 7]])
    customer.foreignKeys = [link("FK_Customer_Self", to: "Customer")]
    return try source.snapshot(
      "shop", of: "shop", customer, line, order, SmallTable("dbo", "Other", [[1, 1]]))
  }

  @Test("load: the closure of parents, each with the foreign key that leads to it")
  func load() throws {
    let snapshot = try shop()
    let alone = try target.load(snapshot, "--tables", "dbo.Line")
    #expect(alone.status == 65, "\(alone.errors)")
    let ran = try target.load(snapshot, "--tables", "dbo.Line", "--with-parents")
    #expect(ran.status == 0, "\(ran.output)\(ran.errors)")
    #expect(
      ran.output.contains("dbo.Order: foreign key fk_line_order of dbo.Line leads to it"),
      "\(ran.output)")
    #expect(
      ran.output.contains("dbo.Customer: foreign key fk_order_customer of dbo.Order leads to it"),
      "\(ran.output)")
    #expect(!ran.output.contains("public.other"), "\(ran.output)")
    #expect(
      try target.psql(
        """
        SELECT count(*) FROM public.line AS l
        JOIN public."order" AS o ON o.id = l.v JOIN public.customer AS c ON c.id = o.v
        """) == "1")
    #expect(try target.psql("SELECT count(*) FROM public.other") == "0")
    let proof = try target.verify(snapshot, "--tables", "dbo.Line", "--with-parents")
    #expect(proof.status == 0, "\(proof.output)\(proof.errors)")
    #expect(proof.output.contains("equal: 3 tables, 3 rows"), "\(proof.output)")
  }

  @Test("a reference that the mapping declares counts, and a skipped table does not come along")
  func mapping() throws {
    let snapshot = try source.snapshot(
      "1", of: "shop", SmallTable("dbo", "Line", [[1, 5]]), SmallTable("dbo", "Order", [[5, 7]]))
    let declared = try source.mapping(
      "tables: { dbo.Line: { columns: { V: { references: dbo.Order } } } }\n")
    let ran = try target.load(
      snapshot, "--mapping", declared, "--tables", "Line", "--with-parents")
    #expect(ran.status == 0, "\(ran.output)\(ran.errors)")
    #expect(ran.output.contains("dbo.Order: "), "\(ran.output)")

    let skipping = try source.mapping("source: b\ntables: { dbo.Order: { skip: true } }\n")
    let other = try TestPostgres()
    let alone = try other.load(
      try shop(), "--mapping", skipping, "--tables", "Line", "--with-parents")
    #expect(alone.status == 0, "\(alone.output)\(alone.errors)")
    #expect(!alone.output.contains("with-parents"), "\(alone.output)")
  }

  @Test("64: nothing to widen")
  func useless() throws {
    let ran = try target.load(try shop(), "--with-parents")
    #expect(ran.status == 64, "\(ran.errors)")
    #expect(ran.errors.contains("--with-parents widens --tables"), "\(ran.errors)")
  }

  @Test(
    "export and run write, load and prove the closure",
    .enabled(if: SharedData.isThere, SharedData.skipped))
  func run() throws {
    let folder = try TemporaryFolder()
    let bak = try SharedData.path("bak/northwind-2005.bak")
    let ran = try RestageTool.run(
      [
        "run", bak, "--target", target.uri, "--into", "\(folder.path)/1",
        "--tables", "dbo.Orders", "--with-parents",
      ])
    #expect(ran.status == 0, "\(ran.output)\(ran.errors)")
    #expect(ran.output.contains("equal: 4 tables"), "\(ran.output)")
    #expect(try target.psql("SELECT count(*) FROM public.orders") == "830")

    // A snapshot without the parents cannot be widened.
    let narrow = "\(folder.path)/2"
    let exported = try RestageTool.run(["export", bak, "--into", narrow, "--tables", "dbo.Orders"])
    #expect(exported.status == 0, "\(exported.errors)")
    let refused = try target.load(narrow, "--tables", "Orders", "--with-parents")
    #expect(refused.status == 64, "\(refused.output)\(refused.errors)")
    #expect(refused.errors.contains("whose rows are not in the snapshot"), "\(refused.errors)")
  }
}
