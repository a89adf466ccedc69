// Tables that refer to themselves or to each other, and names that are hard to write.

import Catalog

extension Situation {
  private static func employee(_ policy: OrphanPolicy) -> TestTable {
    TestTable(
      "Employee",
      [column("Id", "int"), column("Name", "varchar(20)"), column("ManagerId", "int", .null)]
    ).surrogate("Id").link("ManagerId", to: "Employee", "Id", policy: policy)
  }

  static let selfReference = Situation(
    name: "self-reference", tables: [employee(.fail)],
    nights: [
      // Parents after their children, a row that is its own parent, two rows that are each other's.
      night(
        "employee: 5 inserted",
        ["Employee": ["1,a,9", "2,b,2", "3,c,4", "4,d,3", "9,boss,"]]),
      // A changed row whose new parent is unseen too.
      night(
        "employee: 1 inserted, 4 unchanged, 1 updated",
        ["Employee": ["1,a,10", "2,b,2", "3,c,4", "4,d,3", "9,boss,", "10,boss2,9"]]),
      night("RS001", ["Employee": ["1,a,77"]]),
    ])

  /// A refused row takes all rows below it along, but not a ring that needs nobody else.
  static let selfReferenceRejected = Situation(
    name: "self-reference-rejected", tables: [employee(.reject)],
    nights: [
      night(
        "employee: 4 inserted, 3 rejected",
        ["Employee": ["1,a,99", "2,b,1", "3,c,2", "4,d,5", "5,e,4", "6,f,6", "7,g,"]]),
      night(
        "employee: 2 inserted, 1 rejected, 3 unchanged, 1 updated",
        ["Employee": ["1,a,", "2,b,1", "3,c,98", "4,d,5", "5,e,4", "6,f,6", "7,g,1"]]),
      // A known row that is refused tonight is still the parent of those below it.
      night(
        "employee: 1 inserted, 1 rejected, 5 unchanged",
        [
          "Employee": ["1,a,97", "2,b,1", "3,c,2", "4,d,5", "5,e,4", "6,f,6", "7,g,1"]
        ]),
    ])

  static let cycleOfTwo = Situation(
    name: "cycle-of-two",
    tables: [
      TestTable(
        "Department",
        [column("Id", "int"), column("Name", "varchar(20)"), column("HeadId", "int", .null)]
      ).surrogate("Id").link("HeadId", to: "Worker", "Id"),
      TestTable(
        "Worker",
        [column("Id", "int"), column("Name", "varchar(20)"), column("DepartmentId", "int")]
      ).surrogate("Id").link("DepartmentId", to: "Department", "Id"),
    ],
    nights: [
      night(
        "department: 2 inserted; worker: 3 inserted",
        ["Department": ["10,d,2", "20,e,"], "Worker": ["1,a,10", "2,b,10", "3,c,20"]]),
      night(
        "department: 1 inserted, 1 unchanged, 1 updated; worker: 1 inserted, 2 unchanged, 1 updated",
        [
          "Department": ["10,d,2", "20,e,4", "30,f,3"],
          "Worker": ["1,a,10", "2,b,10", "3,c,30", "4,d,20"],
        ]),
      // One of the two alone.
      night("department: 2 unchanged, 1 updated", ["Department": ["10,d,3", "20,e,4", "30,f,3"]]),
      night("RS001", ["Department": ["10,d,99"], "Worker": ["1,a,10"]]),
    ])

  static let cycleOfThree = Situation(
    name: "cycle-of-three",
    tables: [
      TestTable("Head", [column("Id", "int"), column("TailId", "int")]).surrogate("Id")
        .link("TailId", to: "Tail", "Id"),
      TestTable("Body", [column("Id", "int"), column("HeadId", "int")]).surrogate("Id")
        .link("HeadId", to: "Head", "Id"),
      TestTable("Tail", [column("Id", "int"), column("BodyId", "int")]).surrogate("Id")
        .link("BodyId", to: "Body", "Id"),
    ],
    nights: [
      night(
        "body: 2 inserted; head: 2 inserted; tail: 2 inserted",
        ["Head": ["1,31", "2,32"], "Body": ["21,1", "22,2"], "Tail": ["31,21", "32,22"]]),
      night(
        "body: 1 inserted, 2 unchanged; head: 1 inserted, 1 unchanged, 1 updated; tail: 1 inserted, 2 unchanged",
        [
          "Head": ["1,33", "2,32", "3,33"], "Body": ["21,1", "22,2", "23,3"],
          "Tail": ["31,21", "32,22", "33,23"],
        ]),
    ])

  /// A refused row takes rows of the whole cycle with it, over several rounds.
  static let cycleRejected = Situation(
    name: "cycle-rejected",
    tables: [
      TestTable("Head", [column("Id", "int"), column("TailId", "int", .null)]).surrogate("Id")
        .link("TailId", to: "Tail", "Id", policy: .reject),
      TestTable("Body", [column("Id", "int"), column("HeadId", "int", .null)]).surrogate("Id")
        .link("HeadId", to: "Head", "Id", policy: .reject),
      TestTable("Tail", [column("Id", "int"), column("BodyId", "int", .null)]).surrogate("Id")
        .link("BodyId", to: "Body", "Id", policy: .reject),
    ],
    nights: [
      night(
        "body: 2 inserted, 2 rejected; head: 1 inserted, 3 rejected; tail: 2 inserted, 2 rejected",
        [
          // 2 has no tail; 22 goes with it, then 32, then 3, then 23, then 33, then 4.
          "Head": ["1,31", "2,99", "3,32", "4,33"], "Body": ["21,1", "22,2", "23,3", "24,"],
          "Tail": ["31,21", "32,22", "33,23", "34,24"],
        ]),
      night(
        "body: 1 inserted, 1 rejected, 2 unchanged; head: 1 inserted, 2 rejected, 1 unchanged; tail: 2 rejected, 2 unchanged",
        [
          "Head": ["1,31", "2,34", "3,32", "4,33"], "Body": ["21,1", "22,2", "23,98", "24,"],
          "Tail": ["31,21", "32,97", "33,23", "34,24"],
        ]),
    ])

  static let hostileNames = Situation(
    name: "hostile-names",
    tables: [
      TestTable(
        "Customer\"; DROP", as: "Customer\"; DROP TABLE x; --",
        [
          column("Customer\"ID", "int", as: "Customer\"ID"),
          column("it's $restage$", "varchar(20)", .null, as: "it's $restage$"),
          column("line\nend", "int", .null, as: "line\nend"), column("s", "int", .null),
          column("row_hash", "int", .null), column("target_key", "int", .null),
          column("ÑandÚ", "varchar(20)", .null, as: "ÑandÚ"),
        ]
      ).surrogate("Customer\"ID").link(
        "line\nend", to: "Customer\"; DROP", "Customer\"ID", policy: .null),
      TestTable(
        "100% /* order", as: "100% /* order",
        [column("r", "int"), column("k", "int"), column("n", "int", .null)]
      ).key("r", "k").link("n", to: "Customer\"; DROP", "Customer\"ID", policy: .reject),
    ],
    nights: [
      night(
        "\"100% /* order\": 1 inserted, 1 rejected; \"Customer\"\"; DROP TABLE x; --\": 3 inserted, 1 nulled",
        [
          "Customer\"; DROP": ["1,a,,1,1,1,ä", "2,,1,,,,\"\"", "3,c,9,,,,"],
          "100% /* order": ["1,1,2", "1,2,7"],
        ]),
      night(
        "\"100% /* order\": 1 rejected, 1 unchanged; \"Customer\"\"; DROP TABLE x; --\": 2 unchanged, 1 updated",
        [
          "Customer\"; DROP": ["1,a,,1,1,1,ä", "2,,1,,,,\"\"", "3,c,2,,,,"],
          "100% /* order": ["1,1,2", "1,2,7"],
        ]),
    ])

  static let reservedWords = Situation(
    name: "reserved-words",
    tables: [
      TestTable("User", [column("Order", "int"), column("Select", "varchar(20)", .null)])
        .surrogate("Order"),
      TestTable("Table", [column("From", "int"), column("Where", "int", .null)])
        .key("From", "Where").link("Where", to: "User", "Order", policy: .reject),
    ],
    nights: [
      night(
        "\"table\": 1 inserted, 1 rejected; \"user\": 1 inserted",
        ["User": ["1,x"], "Table": ["1,1", "1,2"]])
    ])

  /// 63 bytes, the most that a PostgreSQL name can have; the key map's columns are cut.
  static let longNames = Situation(
    name: "long-names",
    tables: [
      TestTable(
        String(repeating: "T", count: 63),
        [
          column(String(repeating: "a", count: 62) + "1", "int"),
          column(String(repeating: "a", count: 62) + "2", "int"),
          column("Umlaut" + String(repeating: "ä", count: 28), "varchar(20)", .null),
        ]
      ).key(String(repeating: "a", count: 62) + "1", String(repeating: "a", count: 62) + "2"),
      TestTable(
        String(repeating: "U", count: 63),
        [column(String(repeating: "b", count: 63), "int"), column("x", "int", .null)]
      ).surrogate(String(repeating: "b", count: 63)).link(
        "x", to: String(repeating: "U", count: 63), String(repeating: "b", count: 63)),
    ],
    nights: [
      night(
        "\(String(repeating: "t", count: 63)): 2 inserted; \(String(repeating: "u", count: 63)): 2 inserted",
        [
          String(repeating: "T", count: 63): ["1,1,a", "1,2,"],
          String(repeating: "U", count: 63): ["1,2", "2,"],
        ])
    ])
}
