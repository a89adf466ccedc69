// Rows without their parent, and what the mapping says to do with them; rows that changed.

import Catalog

extension Situation {
  private static func parentAndChild(_ policy: OrphanPolicy) -> [TestTable] {
    [
      TestTable("Parent", [column("Id", "int"), column("Name", "varchar(20)", .null)])
        .surrogate("Id"),
      TestTable(
        "Child",
        [
          column("Id", "int"), column("ParentId", "int", .null), column("OtherId", "int", .null),
          column("Note", "varchar(20)", .null),
        ]
      ).surrogate("Id").link("ParentId", to: "Parent", "Id", policy: policy)
        .link("OtherId", to: "Parent", "Id", policy: policy),
      TestTable("Grandchild", [column("Id", "int"), column("ChildId", "int")])
        .surrogate("Id").link(
          "ChildId", to: "Child", "Id", policy: policy == .null ? .fail : policy),
    ]
  }

  static let orphansFail = Situation(
    name: "orphans-fail", tables: parentAndChild(.fail),
    nights: [
      night("RS001", ["Parent": ["1,a"], "Child": ["5,2,,"], "Grandchild": []]),
      night(
        "child: 1 inserted; grandchild: 1 inserted; parent: 1 inserted",
        ["Parent": ["1,a"], "Child": ["5,1,,"], "Grandchild": ["9,5"]]),
      // The parent has vanished, its final row is still there: the child has what it points at.
      night(
        "child: 1 inserted, 1 unchanged; grandchild: 1 unchanged; parent: 1 vanished",
        ["Parent": [], "Child": ["5,1,,", "6,1,,"], "Grandchild": ["9,5"]]),
      night("RS001", ["Child": ["5,1,,", "6,1,,", "7,,3,"]]),
      // A row that is in the target turns into an orphan, beside a new row that is none; then it has what
      // the final tables do not hold in its other foreign key.
      night("RS001", ["Child": ["5,1,,", "6,2,,", "7,1,,"]]),
      night("RS001", ["Child": ["5,1,,", "6,1,4,", "7,1,,"]]),
      night(
        "child: 1 inserted, 1 unchanged, 1 updated; grandchild: 1 unchanged; parent: 1 returned, 1 unchanged",
        ["Parent": ["1,a"], "Child": ["5,1,,", "6,,,", "7,1,,"], "Grandchild": ["9,5"]]),
    ])

  static let orphansRejected = Situation(
    name: "orphans-rejected", tables: parentAndChild(.reject),
    nights: [
      night(
        "child: 2 inserted, 2 rejected; grandchild: 1 inserted, 2 rejected; parent: 1 inserted",
        [
          "Parent": ["1,a"], "Child": ["5,1,,", "6,2,,x", "7,1,2,", "8,,,"],
          "Grandchild": ["91,5", "92,6", "93,77"],
        ]),
      // The parent arrives, and with it all that hung on it.
      night(
        "child: 2 inserted, 2 unchanged; grandchild: 1 inserted, 1 rejected, 1 unchanged; parent: 1 inserted, 1 unchanged",
        [
          "Parent": ["1,a", "2,b"], "Child": ["5,1,,", "6,2,,x", "7,1,2,", "8,,,"],
          "Grandchild": ["91,5", "92,6", "93,77"],
        ]),
      // A row that is in the target turns into an orphan: refused, not updated, not vanished. It is
      // still a parent itself.
      night(
        "child: 1 rejected, 3 unchanged; grandchild: 1 inserted, 1 rejected, 2 unchanged; parent: 2 unchanged",
        [
          "Parent": ["1,a", "2,b"], "Child": ["5,3,,", "6,2,,x", "7,1,2,", "8,,,"],
          "Grandchild": ["91,5", "92,6", "93,77", "94,5"],
        ]),
    ])

  static let orphansNulled = Situation(
    name: "orphans-nulled", tables: parentAndChild(.null),
    nights: [
      night(
        "child: 4 inserted, 3 nulled; grandchild: 1 inserted; parent: 1 inserted",
        [
          "Parent": ["1,a"], "Child": ["5,1,,", "6,2,,x", "7,3,2,", "8,,,"],
          "Grandchild": ["91,6"],
        ]),
      // One of the parents arrives: its children are changed rows now.
      night(
        "child: 1 nulled, 2 unchanged, 2 updated; grandchild: 1 unchanged; parent: 1 inserted, 1 unchanged",
        [
          "Parent": ["1,a", "2,b"], "Child": ["5,1,,", "6,2,,x", "7,3,2,", "8,,,"],
          "Grandchild": ["91,6"],
        ]),
      // And a child loses its parent again.
      night(
        "child: 2 nulled, 3 unchanged, 1 updated; grandchild: 1 unchanged; parent: 2 unchanged",
        [
          "Parent": ["1,a", "2,b"], "Child": ["5,44,,", "6,2,,x", "7,3,2,", "8,,,"],
          "Grandchild": ["91,6"],
        ]),
    ])

  /// Orphans of tables without a key: they cannot be found again by a key.
  static let orphansOfWholeRows = Situation(
    name: "orphans-of-whole-rows",
    tables: [
      TestTable("Parent", [column("Id", "int"), column("Name", "varchar(20)", .null)])
        .surrogate("Id"),
      TestTable(
        "Nulled", [column("ParentId", "int", .null), column("OtherId", "int", .null)]
      ).link("ParentId", to: "Parent", "Id", policy: .null)
        .link("OtherId", to: "Parent", "Id", policy: .null),
      TestTable("Refused", [column("ParentId", "int", .null), column("Note", "varchar(20)")])
        .link("ParentId", to: "Parent", "Id", policy: .reject),
      // Values that stay as they are, one found by key, one by another unique column, and two together.
      TestTable(
        "Town", [column("Code", "varchar(9)"), column("No", "int"), column("Mark", "int", .null)]
      ).key("Code", "No").unique("Mark", isFixed: true),
      TestTable(
        "Visit",
        [
          column("Code", "varchar(9)", .null), column("No", "int", .null),
          column("Mark", "int", .null),
        ]
      ).link("Code", "No", to: "Town", "Code", "No", policy: .null)
        .link("Mark", to: "Town", "Mark", policy: .null),
    ],
    nights: [
      night(
        "nulled: 7 inserted, 5 nulled; parent: 1 inserted; refused: 2 inserted, 3 rejected; town: 1 inserted; visit: 4 inserted, 3 nulled",
        [
          "Parent": ["1,a"], "Town": ["a,1,10"],
          "Visit": ["a,1,10", "a,2,10", "a,1,20", ",,30"],
          // Once loaded, the orphans look like the rows that never had a parent.
          "Nulled": ["1,", ",", "8,", "8,", "9,8", ",8", "1,1"],
          "Refused": ["1,x", "8,x", "8,x", "9,y", ",x"],
        ])
    ])

  /// A foreign key that the source does not enforce: values follow it, no constraint is made.
  static let orphansOfDisabledForeignKey = Situation(
    name: "orphans-of-disabled-foreign-key",
    tables: [
      TestTable("Parent", [column("Id", "int"), column("Name", "varchar(20)", .null)])
        .surrogate("Id"),
      TestTable("Child", [column("Id", "int"), column("ParentId", "int", .null)]).surrogate("Id")
        .link("ParentId", to: "Parent", "Id", policy: .reject, isDisabled: true),
    ],
    nights: [
      night(
        "child: 2 inserted, 1 rejected; parent: 1 inserted",
        ["Parent": ["1,a"], "Child": ["5,1", "6,2", "7,"]])
    ])

  private static func note(_ policy: ChangePolicy) -> [TestTable] {
    [
      TestTable("Note", [column("Id", "int"), column("Text", "varchar(20)", .null)])
        .surrogate("Id").onChanged(policy)
    ]
  }

  static let changesReported = Situation(
    name: "changes-reported", tables: note(.report),
    nights: [
      night("note: 2 inserted", ["Note": ["1,a", "2,b"]]),
      unprovenNight(
        "note: 1 changed, 1 inserted, 1 unchanged", ["Note": ["1,A", "2,b", "3,c"]]),
    ])

  static let changesIgnored = Situation(
    name: "changes-ignored", tables: note(.ignore),
    nights: [
      night("note: 2 inserted", ["Note": ["1,a", "2,b"]]),
      unprovenNight("note: 1 inserted, 2 unchanged", ["Note": ["1,A", "2,b", "3,c"]]),
    ])

  /// Every type whose text form or comparison could go wrong in a hash, a reject or the proof.
  static let everyType = Situation(
    name: "every-type",
    tables: [
      TestTable("Parent", [column("Id", "int")]).surrogate("Id"),
      TestTable(
        "Value",
        [
          column("Id", "int"), column("Flag", "bit", .null), column("Single", "real", .null),
          column("Double", "float", .null), column("Exact", "decimal(38,10)", .null),
          column("Day", "date", .null), column("Moment", "datetimeoffset(7)", .null),
          column("Clock", "time(3)", .null), column("Fixed", "nchar(4)", .null),
          column("Bytes", "varbinary(max)", .null), column("Guid", "uniqueidentifier", .null),
          column("Markup", "xml", .null), column("Document", "json", .null),
          column("Version", "rowversion", .null), column("ParentId", "int", .null),
        ]
      ).surrogate("Id").link("ParentId", to: "Parent", "Id", policy: .reject),
    ],
    nights: [
      night(
        "parent: 1 inserted; value: 3 inserted, 1 rejected",
        [
          "Parent": ["1"],
          "Value": [
            "1" + String(repeating: ",", count: 14),
            fullRow(id: 2, version: "01", parent: "1"), fullRow(id: 3, version: "01", parent: "1"),
            fullRow(id: 4, version: "01", parent: "2"),
          ],
        ]),
      // A rowversion alone counts: the source wrote the row.
      night(
        "parent: 1 unchanged; value: 1 rejected, 2 unchanged, 1 updated",
        [
          "Parent": ["1"],
          "Value": [
            "1" + String(repeating: ",", count: 14),
            fullRow(id: 2, version: "01", parent: "1"), fullRow(id: 3, version: "02", parent: "1"),
            fullRow(id: 4, version: "02", parent: "2"),
          ],
        ]),
    ])

  private static func fullRow(id: Int, version: String, parent: String) -> String {
    let document = ##""{""b"": 1, ""a"":  ""ä"", ""b"": 2.0}""##
    let markup = ##""<a b=""c"">x &lt; y</a> z""##
    return "\(id),t,1.1754944e-38,-0,12345678901234567890.1234567890,9999-12-31,"
      + "2020-05-05 12:00:00.123456+00,23:59:59.999,ab  ,\\x00ff5c,"
      + "3f2504e0-4f89-11d3-9a0c-0305e82c3301,\(markup),\(document),\\x00000000000000\(version),"
      + parent
  }
}
