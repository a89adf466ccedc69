// What heaps and records can look like and no real file here does.

import Catalog
import Testing

@testable import BackupSource

@Suite("rows of made pages")
struct HeapTests {
  private static let int = PhysicalType(xtype: XType.int)
  private static let text = PhysicalType(xtype: XType.varchar, byteCount: 20)

  /// id int (fixed), name varchar (variable).
  private func table(_ records: [[UInt8]]) -> TestTable {
    TestTable(
      columns: [
        Column(made: 1, "id", ColumnType(.int)),
        Column(made: 2, "name", ColumnType(.varchar, length: 20)),
      ],
      physical: [
        PhysicalColumn(made: 1, Self.int, nullBit: 0, .fixed(offset: 4, byteCount: 4)),
        PhysicalColumn(made: 2, Self.text, nullBit: 1, .variable(0)),
      ],
      pages: [TestPage(id: TestTable.page(16), records: records)])
  }

  private func row(_ id: Int32, _ name: String?, kind: UInt8 = 0) -> [UInt8] {
    TestRecord(
      kind: kind, fixed: id.testBytes, columnCount: 2, nulls: name == nil ? [1] : [],
      variable: name.map { [(Array($0.utf8), false)] } ?? []
    ).bytes
  }

  @Test("rows come in slot order; empty slots, stubs and ghosts are no rows")
  func kinds() throws {
    let stub: [UInt8] = [0x04, 0x10, 0, 0, 0, 1, 0, 0, 0]
    let moved = TestRecord(
      kind: 1, fixed: Int32(3).testBytes, columnCount: 2,
      variable: [(Array("moved".utf8), false), ([0, 4] + [UInt8](repeating: 0, count: 8), true)])
    let made = table([
      row(2, "b"), [], row(1, nil), stub, row(9, "gone", kind: 6), moved.bytes, row(4, ""),
    ])
    #expect(try made.lines() == ["2,b", "1,", "3,moved", "4,\"\""])
  }

  @Test("a stub without its row is an error")
  func lostRow() {
    let stub: [UInt8] = [0x04, 0x10, 0, 0, 0, 1, 0, 0, 0]
    #expect(throws: BackupError.self) { try table([row(1, "a"), stub]).lines() }
  }

  @Test("rows that the catalog counts and no page holds are an error")
  func noPages() {
    var made = table([row(1, "a")])
    made.rowCount = 1
    made.firstIAM = .none
    #expect(throws: BackupError.self) { try made.lines() }
    made.rowCount = 0
    #expect(throws: Never.self) { try made.lines() }
  }

  @Test("a column added later has its stored default in older rows, or NULL")
  func addedColumn() throws {
    var made = table([row(1, "a")])
    made.columns.append(Column(made: 3, "added", ColumnType(.int)))
    made.columns.append(Column(made: 4, "later", ColumnType(.int)))
    made.physical.append(
      PhysicalColumn(made: 3, Self.int, nullBit: 2, .fixed(offset: 8, byteCount: 4)))
    made.physical.append(
      PhysicalColumn(made: 4, Self.int, nullBit: 3, .fixed(offset: 12, byteCount: 4)))
    made.addedDefaults = [AddedDefault(rowset: 1, number: 3, value: Int32(7).testBytes)]
    #expect(try made.lines() == ["1,a,7,"])
  }

  @Test("trailing variable values that are left out are empty, not NULL")
  func trailingEmpty() throws {
    let record = TestRecord(fixed: Int32(1).testBytes, columnCount: 2)
    #expect(try table([record.bytes]).lines() == ["1,\"\""])
  }

  @Test("bits share a byte")
  func bits() throws {
    let bit = PhysicalType(xtype: XType.bit)
    let made = TestTable(
      columns: (1...3).map { Column(made: $0, "b\($0)", ColumnType(.bit)) },
      physical: (1...3).map {
        PhysicalColumn(
          made: $0, bit, nullBit: $0 - 1, .fixed(offset: 4, byteCount: 1), bitPosition: $0 - 1)
      },
      pages: [
        TestPage(
          id: TestTable.page(16),
          records: [TestRecord(fixed: [0b101], columnCount: 3, nulls: []).bytes])
      ])
    #expect(try made.lines() == ["t,f,t"])
  }

  @Test("sparse columns lie in the vector behind the last variable column")
  func sparse() throws {
    // The vector of two ints, 3 in column 3 and 1234 in column 6, was captured from a server.
    let vector = hex("0500 0200 0300 0600 1000 1400 03000000 D2040000")
    let backPointer: [UInt8] = [0, 4] + [UInt8](repeating: 0, count: 8)
    var made = table([
      TestRecord(
        fixed: Int32(1).testBytes, columnCount: 2, variable: [([], false), (vector, true)]
      ).bytes,
      row(2, "b"),
      TestRecord(
        kind: 1, fixed: Int32(3).testBytes, columnCount: 2,
        variable: [([], false), (vector, true), (backPointer, true)]
      ).bytes,
    ])
    for id in [3, 5, 6] {
      made.columns.append(Column(made: id, "s\(id)", ColumnType(.int)))
      made.physical.append(PhysicalColumn(made: id, Self.int, nullBit: -1, .sparse))
    }
    #expect(try made.lines() == ["1,\"\",3,,1234", "2,b,,,", "3,\"\",3,,1234"])
  }

  @Test("rows of a table whose columns are all sparse have no null bitmap")
  func sparseOnly() throws {
    let vector = hex("0500 0200 0300 0600 1000 1400 03000000 D2040000")
    let record = [0x20, 0, 4, 0] + UInt16(1).testBytes + UInt16(0x8000 + 28).testBytes + vector
    var made = TestTable(
      columns: [], physical: [],
      pages: [
        TestPage(id: TestTable.page(16), records: [record, [0, 0, 4, 0, 0, 0, 0]])
      ])
    for id in [3, 5, 6] {
      made.columns.append(Column(made: id, "s\(id)", ColumnType(.int)))
      made.physical.append(PhysicalColumn(made: id, Self.int, nullBit: -1, .sparse))
    }
    #expect(try made.lines() == ["3,,1234", ",,"])
    // Of any other column it cannot be told what it holds.
    made.physical[1] = PhysicalColumn(
      made: 5, Self.int, nullBit: 0, .fixed(offset: 4, byteCount: 4))
    #expect(throws: BackupError.self) { try made.lines() }
  }

  @Test("text off the row: in one piece, in a tree, and NULL")
  func offRow() throws {
    func pointer(_ slot: UInt16) -> [UInt8] {
      [UInt8](repeating: 0, count: 8) + TestTable.page(24).testBytes + slot.testBytes
    }
    func fragment(_ type: UInt16, _ body: [UInt8]) -> [UInt8] {
      [0x08, 0] + UInt16(14 + body.count).testBytes + [UInt8](repeating: 0, count: 8)
        + type.testBytes + body
    }
    func link32(_ size: UInt32, _ slot: UInt16) -> [UInt8] {
      size.testBytes + TestTable.page(24).testBytes + slot.testBytes
    }
    func header(_ linkCount: UInt16) -> [UInt8] {
      UInt16(5).testBytes + linkCount.testBytes + UInt16(0).testBytes + [0, 0, 0, 0]
    }
    let root = header(2) + link32(3, 2) + link32(5, 3)
    let text = TestPage(
      id: TestTable.page(24), type: .textMix,
      records: [
        fragment(0, UInt16(3).testBytes + [0, 0, 0, 0] + Array("abc".utf8)),
        fragment(5, root), fragment(3, Array("def".utf8)), fragment(3, Array("gh".utf8)),
        fragment(8, []),
        fragment(5, header(1) + link32(3, 5)), fragment(5, header(1) + link32(0, 6)),
      ])
    let inline = [UInt8](repeating: 0, count: 12).replacing(0, with: 4) + link32(3, 2)
    let broken = [UInt8](repeating: 0, count: 12).replacing(0, with: 4) + link32(4, 2)
    func rows(_ pointers: [[UInt8]]) -> TestTable {
      var made = table(
        pointers.map {
          TestRecord(fixed: Int32(1).testBytes, columnCount: 2, variable: [($0, true)]).bytes
        })
      made.columns[1].type = ColumnType(.text)
      made.physical[1].type = PhysicalType(xtype: XType.text)
      made.pages.append(text)
      return made
    }
    #expect(
      try rows([pointer(0), pointer(1), pointer(4), inline]).lines()
        == ["1,abc", "1,defgh", "1,", "1,def"])
    #expect(throws: BackupError.self) { try rows([broken]).lines() }
    #expect(throws: BackupError.self) { try rows([pointer(7)]).lines() }
    #expect(throws: BackupError.self, "a node that is its own child") {
      try rows([pointer(5)]).lines()
    }
    #expect(try rows([pointer(6)]).lines() == ["1,\"\""], "a circle without bytes")
  }

  @Test("rows that share one value's pieces without end are damage, not days of work")
  func sharedPieces() throws {
    // Each of the pieces is the same 7,000 bytes; no value of a whole file owns a piece twice.
    let piece = [0x08, 0] + UInt16(7014).testBytes + [UInt8](repeating: 0, count: 8)
    let text = TestPage(
      id: TestTable.page(24), type: .textMix,
      records: [piece + UInt16(3).testBytes + [UInt8](repeating: 0x61, count: 7000)])
    let links = (UInt32(1)...600).map {
      (7000 * $0).testBytes + TestTable.page(24).testBytes + UInt16(0).testBytes
    }
    let pointer: [UInt8] = [4] + [UInt8](repeating: 0, count: 11) + links.flatMap { $0 }
    var made = table([
      TestRecord(fixed: Int32(1).testBytes, columnCount: 2, variable: [(pointer, true)]).bytes
    ])
    made.columns[1].type = ColumnType(.text)
    made.physical[1].type = PhysicalType(xtype: XType.text)
    made.pages.append(text)
    let error = #expect(throws: BackupError.self) { try made.lines() }
    #expect(error?.code == .damaged)
    #expect(error?.problem == "off-row values have more bytes than the pages that hold them")
  }

  @Test("a fixed part that ends too early is damage, not NULL")
  func shortFixedPart() throws {
    let record = TestRecord(columnCount: 2, variable: [(Array("a".utf8), false)]).bytes
    let error = #expect(throws: BackupError.self) { try table([record]).lines() }
    #expect(error?.code == .damaged)
    #expect(error?.problem == "a column would lie at byte 4 of a fixed part of 4")
  }

  @Test("a page of another type is a damaged page of the heap: listed, where that was asked for")
  func strangePage() throws {
    var made = table([row(1, "a")])
    made.pages.append(TestPage(id: TestTable.page(17), type: .index, records: [row(2, "b")]))
    let error = #expect(throws: BackupError.self) { try made.lines() }
    #expect(error?.problem == "the page is of type 2 and belongs to a heap")
    #expect(try made.lines(skipsDamaged: true) == ["1,a"])
  }

  @Test("an error names page, slot, table and column")
  func errorPlace() throws {
    var made = table([row(1, "a")])
    made.physical[0].place = .variable(0)
    let error = try #require(throws: BackupError.self) { try made.lines() }
    #expect(error.code == .damaged)
    #expect(error.place == "dbo.made, page 1:16, slot 0, column id")
    #expect(error.problem == "expected a value of 4 bytes, found 1")
  }

  @Test("key order follows the leaf chain, and every page must be in it")
  func leafChain() throws {
    func page(_ number: UInt32, _ id: Int32, previous: UInt32, next: UInt32) -> TestPage {
      TestPage(
        id: TestTable.page(number),
        previous: previous == 0 ? .none : TestTable.page(previous),
        next: next == 0 ? .none : TestTable.page(next), records: [row(id, nil)])
    }
    var made = table([])
    made.isClustered = true
    made.root = TestTable.page(19)
    let root = TestPage(
      id: TestTable.page(19), type: .index, level: 1, fixedByteCount: 11,
      records: [[0x06] + Int32(0).testBytes + TestTable.page(18).testBytes])
    made.pages = [
      page(16, 3, previous: 17, next: 0), page(17, 2, previous: 18, next: 16),
      page(18, 1, previous: 0, next: 17), root,
    ]
    #expect(try made.lines() == ["1,", "2,", "3,"])
    made.root = .none
    #expect(try made.lines() == ["1,", "2,", "3,"], "without a root the first leaf is searched")

    made.pages[1].next = .none
    let lost = try #require(throws: BackupError.self) { try made.lines() }
    #expect(lost.place == "page 1:16")
    made.pages[1].next = TestTable.page(18)
    #expect(throws: BackupError.self) { try made.lines() }
  }
}

extension [UInt8] {
  fileprivate func replacing(_ index: Int, with byte: UInt8) -> [UInt8] {
    var copy = self
    copy[index] = byte
    return copy
  }
}
