// Values that foreign keys lead to and that change while their row stays the same, and foreign keys
// that the target checks at once.

import Catalog

extension Situation {
  static let moves = [
    referencedUniqueValues, refusedUniqueValues, refusedParentsByValue, cascadedUniqueValues,
    referencedCompositeValues, spelledKeys, spelledCompositeKeys, spelledReported, spelledKept,
    spelledOrphans, spelledRefused, spelledCycle, spelledRing,
    fixedCycle, fixedCycleOfText,
  ]

  /// Children refer to a unique column of the parent that is not its key.
  static let referencedUniqueValues = Situation(
    name: "referenced-unique-values",
    tables: [
      TestTable(
        "Country",
        [
          column("Id", "int"), column("Code", "varchar(10)"),
          column("HeadCode", "varchar(10)", .null),
        ]
      ).surrogate("Id").unique("Code", isFixed: true).link("HeadCode", to: "Country", "Code"),
      TestTable("City", [column("Id", "int"), column("Code", "varchar(10)", .null)])
        .surrogate("Id").link("Code", to: "Country", "Code"),
      TestTable("Stamp", [column("Code", "varchar(10)"), column("No", "int")])
        .key("Code", "No").link("Code", to: "Country", "Code"),
      TestTable("Line", [column("Code", "varchar(10)", .null)])
        .link("Code", to: "Country", "Code").onVanished(.delete),
    ],
    nights: [
      night(
        "city: 3 inserted; country: 3 inserted; line: 2 inserted; stamp: 1 inserted",
        [
          "Country": ["1,de,", "2,fr,de", "3,it,it"], "City": ["1,de", "2,fr", "3,"],
          "Stamp": ["fr,1"], "Line": ["de", "de"],
        ]),
      // A value changes where it stands and where it is referred to; an unseen child has it already.
      night(
        "city: 1 inserted, 2 unchanged, 1 updated; country: 1 unchanged, 2 updated; line: 2 deleted, 2 inserted, 2 vanished; stamp: 1 unchanged",
        [
          "Country": ["1,DEU,", "2,fr,DEU", "3,it,it"],
          "City": ["1,DEU", "2,fr", "3,", "4,DEU"], "Stamp": ["fr,1"], "Line": ["DEU", "DEU"],
        ]),
      night(
        "city: 2 unchanged, 2 updated; country: 1 inserted, 1 unchanged, 2 updated; line: 2 unchanged; stamp: 1 unchanged",
        [
          "Country": ["1,DEU,", "2,fr,x", "3,IT,IT", "4,x,"],
          "City": ["1,x", "2,IT", "3,", "4,DEU"], "Stamp": ["fr,1"], "Line": ["DEU", "DEU"],
        ]),
    ])

  /// A parent that is found by a unique column and was refused takes its children along.
  static let refusedUniqueValues = Situation(
    name: "refused-unique-values",
    tables: [
      TestTable("Region", [column("Id", "int")]).surrogate("Id"),
      TestTable(
        "Country",
        [
          column("Id", "int"), column("RegionId", "int", .null), column("Code", "varchar(10)"),
          column("HeadCode", "varchar(10)", .null),
        ]
      ).surrogate("Id").link("RegionId", to: "Region", "Id", policy: .reject)
        .unique("Code", isFixed: true).unique("RegionId", "Code", isFixed: true)
        .link("HeadCode", to: "Country", "Code", policy: .reject),
      TestTable("City", [column("Id", "int"), column("Code", "varchar(10)", .null)])
        .surrogate("Id").link("Code", to: "Country", "Code", policy: .reject),
      TestTable("Town", [column("Id", "int"), column("Code", "varchar(10)", .null)])
        .surrogate("Id").link("Code", to: "Country", "Code", policy: .null),
      TestTable(
        "Stamp",
        [
          column("No", "int"), column("RegionId", "int", .null),
          column("Code", "varchar(10)", .null),
        ]
      ).key("No").link("RegionId", "Code", to: "Country", "RegionId", "Code", policy: .reject),
    ],
    nights: [
      night(
        "city: 1 inserted, 2 rejected; country: 2 inserted, 2 rejected; region: 1 inserted; stamp: 2 inserted, 1 rejected; town: 2 inserted, 1 nulled",
        [
          "Region": ["1"], "Country": ["1,1,de,", "2,9,fr,", "3,1,it,fr", "4,1,at,at"],
          "City": ["1,de", "2,fr", "3,it"], "Town": ["1,fr", "2,at"],
          "Stamp": ["1,1,de", "2,1,xx", "3,1,"],
        ]),
      // Children alone: their parents are where they were loaded.
      night(
        "city: 1 inserted, 1 rejected, 1 unchanged; stamp: 1 inserted, 2 unchanged",
        ["City": ["1,de", "2,fr", "3,at"], "Stamp": ["1,1,de", "2,1,at", "3,1,"]]),
      night(
        "city: 1 inserted, 2 unchanged; country: 2 inserted, 2 unchanged; region: 1 inserted, 1 unchanged; stamp: 3 unchanged; town: 1 unchanged, 1 updated",
        [
          "Region": ["1", "9"], "Country": ["1,1,de,", "2,9,fr,", "3,1,it,fr", "4,1,at,at"],
          "City": ["1,de", "2,fr", "3,at"], "Town": ["1,fr", "2,at"],
          "Stamp": ["1,1,de", "2,1,at", "3,1,"],
        ]),
      night(
        "town: 1 nulled, 1 updated, 1 vanished", ["Town": ["1,zz"]]),
    ])

  /// The same where the parent belongs to no ring, and children of the children are found by their key.
  static let refusedParentsByValue = Situation(
    name: "refused-parents-by-value",
    tables: [
      TestTable("Region", [column("Id", "int")]).surrogate("Id"),
      TestTable(
        "Country", [column("Id", "int"), column("RegionId", "int"), column("Code", "varchar(10)")]
      ).surrogate("Id").link("RegionId", to: "Region", "Id", policy: .reject)
        .unique("Code", isFixed: true),
      TestTable("City", [column("Id", "int"), column("Code", "varchar(10)")])
        .surrogate("Id").link("Code", to: "Country", "Code", policy: .reject),
      TestTable("Street", [column("Id", "int"), column("CityId", "int")])
        .surrogate("Id").link("CityId", to: "City", "Id", policy: .reject),
    ],
    nights: [
      night(
        "city: 1 inserted, 1 rejected; country: 1 inserted, 1 rejected; region: 1 inserted; street: 1 inserted, 1 rejected",
        [
          "Region": ["1"], "Country": ["1,1,de", "2,9,fr"], "City": ["1,de", "2,fr"],
          "Street": ["1,1", "2,2"],
        ]),
      night(
        "city: 1 inserted, 1 unchanged; country: 1 inserted, 1 unchanged; region: 1 inserted, 1 unchanged; street: 1 inserted, 1 unchanged",
        [
          "Region": ["1", "9"], "Country": ["1,1,de", "2,9,fr"], "City": ["1,de", "2,fr"],
          "Street": ["1,1", "2,2"],
        ]),
    ])

  /// The foreign key would change the children itself: they are changed before it can.
  static let cascadedUniqueValues = Situation(
    name: "cascaded-unique-values",
    tables: [
      TestTable("Country", [column("Id", "int"), column("Code", "varchar(10)")])
        .surrogate("Id").unique("Code", isFixed: true),
      TestTable("City", [column("Id", "int"), column("Code", "varchar(10)", .null)])
        .surrogate("Id").link("Code", to: "Country", "Code", onUpdate: .cascade)
        .onConflict(.fail),
      TestTable("Town", [column("Id", "int"), column("Code", "varchar(10)", .null)])
        .surrogate("Id").link("Code", to: "Country", "Code", onUpdate: .setNull)
        .onConflict(.fail),
    ],
    nights: [
      night(
        "city: 3 inserted; country: 2 inserted; town: 1 inserted",
        ["Country": ["1,de", "2,fr"], "City": ["1,de", "2,fr", "3,de"], "Town": ["1,de"]]),
      // City 3 vanished and is still in the target: it goes along.
      night(
        "city: 1 unchanged, 1 updated, 1 vanished; country: 1 unchanged, 1 updated; town: 1 updated",
        ["Country": ["1,DEU", "2,fr"], "City": ["1,DEU", "2,fr"], "Town": ["1,DEU"]]),
      night(
        "city: 1 unchanged, 1 updated; country: 1 unchanged, 1 updated; town: 1 unchanged",
        ["Country": ["1,DEU", "2,FRA"], "City": ["1,DEU", "2,FRA"], "Town": ["1,DEU"]]),
    ])

  /// Keys of several columns that are kept, and a unique key over a column that gets new values.
  static let referencedCompositeValues = Situation(
    name: "referenced-composite-values",
    tables: [
      TestTable("Region", [column("Id", "int")]).surrogate("Id"),
      TestTable(
        "Shelf",
        [
          column("Room", "int"), column("No", "int"), column("RegionId", "int"),
          column("Label", "varchar(10)"),
        ]
      ).key("Room", "No").link("RegionId", to: "Region", "Id")
        .unique("RegionId", "Label", isFixed: true),
      TestTable(
        "Book",
        [
          column("Id", "int"), column("RegionId", "int", .null),
          column("Label", "varchar(10)", .null),
        ]
      ).surrogate("Id").link("RegionId", "Label", to: "Shelf", "RegionId", "Label"),
      TestTable(
        "Slot", [column("Room", "int"), column("No", "int"), column("Side", "char(1)")]
      ).key("Room", "No", "Side").link("Room", "No", to: "Shelf", "Room", "No")
        .onVanished(.delete),
    ],
    nights: [
      night(
        "book: 3 inserted; region: 2 inserted; shelf: 2 inserted; slot: 2 inserted",
        [
          "Region": ["10", "20"], "Shelf": ["1,1,10,a", "1,2,20,b"],
          "Book": ["1,10,a", "2,20,b", "3,,"], "Slot": ["1,1,l", "1,2,r"],
        ]),
      night(
        "book: 1 unchanged, 2 updated; region: 2 unchanged; shelf: 2 updated; slot: 2 unchanged",
        [
          "Region": ["10", "20"], "Shelf": ["1,1,20,a", "1,2,20,c"],
          "Book": ["1,20,a", "2,20,c", "3,,"], "Slot": ["1,1,l", "1,2,r"],
        ]),
      // A kept key changes: one row vanished, one unseen, and the children moved along.
      night(
        "book: 1 unchanged, 1 updated, 1 vanished; region: 2 unchanged; shelf: 1 inserted, 1 unchanged, 1 vanished; slot: 1 deleted, 1 inserted, 1 unchanged, 1 vanished",
        [
          "Region": ["10", "20"], "Shelf": ["1,1,20,a", "9,2,20,d"],
          "Book": ["1,20,a", "2,20,d"], "Slot": ["1,1,l", "9,2,r"],
        ]),
    ])

  /// A text key changes in trailing blanks alone: the same key to SQL Server, and so the same row.
  static let spelledKeys = Situation(
    name: "spelled-keys",
    tables: [
      TestTable(
        "Unit",
        [
          column("Code", "varchar(6)"), column("Name", "varchar(20)", .null),
          column("BaseCode", "varchar(6)", .null),
        ]
      ).key("Code").link("BaseCode", to: "Unit", "Code"),
      TestTable("Measure", [column("Id", "int"), column("Code", "varchar(6)", .null)])
        .surrogate("Id").link("Code", to: "Unit", "Code"),
      // The key of a row is that of its parent, and has children of its own.
      TestTable("UnitText", [column("Code", "varchar(6)"), column("Text", "varchar(20)", .null)])
        .key("Code").link("Code", to: "Unit", "Code"),
      TestTable("Footnote", [column("Code", "nvarchar(max)"), column("No", "int")])
        .key("Code", "No").link("Code", to: "UnitText", "Code"),
    ],
    nights: [
      night(
        "footnote: 2 inserted; measure: 2 inserted; unit: 3 inserted; unittext: 1 inserted",
        [
          "Unit": ["kg,kilogram,", "g,gram,kg", "m,metre,"], "Measure": ["1,kg", "2,m"],
          "UnitText": ["kg,x"], "Footnote": ["kg,1", "kg,2"],
        ]),
      // Blanks alone; blanks and a name. The children have not moved, and follow.
      night(
        "footnote: 2 respelled, 2 updated; measure: 2 respelled, 2 updated; unit: 1 respelled, 3 updated; unittext: 1 respelled, 1 updated",
        [
          "Unit": ["kg ,kilogram,", "g,gram,kg", "m  ,meter,"], "Measure": ["1,kg", "2,m"],
          "UnitText": ["kg,x"], "Footnote": ["kg,1", "kg,2"],
        ]),
      night(
        "footnote: 2 respelled, 2 unchanged; measure: 2 inserted, 2 respelled, 1 unchanged, 1 updated; unit: 1 inserted, 1 respelled, 2 unchanged, 1 updated; unittext: 1 inserted, 1 respelled, 1 unchanged",
        [
          "Unit": ["kg ,kilogram,", "g,gram,kg", "m,meter,", "s ,second,"],
          "Measure": ["1,kg ", "2,m", "3,s", "4,g  "],
          "UnitText": ["kg,x", "s ,y"], "Footnote": ["kg,1", "kg,2"],
        ]),
      // Two spellings of one key: the source cannot hold them, so nobody knows which is meant.
      night(
        "unit: 2 rejected, 2 unchanged, 1 vanished",
        ["Unit": ["kg ,kilogram,", "m,meter,", "s,1,", "s ,2,"]]),
    ])

  static let spelledCompositeKeys = Situation(
    name: "spelled-composite-keys",
    tables: [
      TestTable(
        "Price",
        [
          column("Item", "varchar(6)", .ignoringCase), column("Zone", "int"),
          column("Amount", "int", .null),
        ]
      ).key("Item", "Zone").onConflict(.fail),
      TestTable(
        "Sale",
        [
          column("Id", "int"), column("Item", "varchar(6)", .null, .ignoringCase),
          column("Zone", "int", .null),
        ]
      ).surrogate("Id").link("Item", "Zone", to: "Price", "Item", "Zone"),
    ],
    nights: [
      night(
        "price: 3 inserted; sale: 2 inserted",
        ["Price": ["a,1,1", "a,2,2", "b,1,3"], "Sale": ["1,a,1", "2,b,1"]]),
      night(
        "price: 1 unchanged, 2 updated; sale: 1 respelled, 1 unchanged, 1 updated",
        ["Price": ["a  ,1,1", "a,2,2", "B,1,3"], "Sale": ["1,A,1", "2,b,1"]]),
      night(
        "price: 1 unchanged, 1 updated, 1 vanished; sale: 1 unchanged, 1 updated",
        ["Price": ["A,1,5", "B,1,3"], "Sale": ["1,A,1", "2,b,1"]]),
    ])

  /// Where changed rows are left alone the spelling stays as well, and children follow what is there.
  static let spelledReported = Situation(
    name: "spelled-reported",
    tables: [
      TestTable("Unit", [column("Code", "varchar(6)"), column("Name", "varchar(20)", .null)])
        .key("Code").onChanged(.report),
      TestTable("Measure", [column("Id", "int"), column("Code", "varchar(6)", .null)])
        .surrogate("Id").link("Code", to: "Unit", "Code"),
    ],
    nights: [
      night(
        "measure: 2 inserted, 1 respelled; unit: 1 inserted",
        ["Unit": ["kg,kilogram"], "Measure": ["1,kg", "2,kg "]]),
      unprovenNight(
        "measure: 2 inserted, 3 respelled, 2 unchanged; unit: 1 changed",
        ["Unit": ["kg ,kilogram"], "Measure": ["1,kg", "2,kg ", "3,kg ", "4,kg "]]),
    ])

  /// The same where somebody edited the final row and it is to stay so.
  static let spelledKept = Situation(
    name: "spelled-kept",
    tables: [
      TestTable("Unit", [column("Code", "varchar(6)"), column("Name", "varchar(20)", .null)])
        .key("Code").onConflict(.keep),
      TestTable("Measure", [column("Id", "int"), column("Code", "varchar(6)", .null)])
        .surrogate("Id").link("Code", to: "Unit", "Code"),
    ],
    nights: [
      night(
        "measure: 2 inserted; unit: 2 inserted",
        ["Unit": ["kg,kilogram", "m,metre"], "Measure": ["1,kg", "2,m"]]),
      unprovenNight(
        "measure: 1 inserted, 2 respelled, 1 unchanged, 1 updated; unit: 1 kept, 1 updated",
        ["Unit": ["kg ,kilogram", "m ,metre"], "Measure": ["1,kg", "2,m", "3,kg "]],
        after: "UPDATE public.unit SET name = 'mine' WHERE code = 'kg';"),
    ])

  /// A row whose key and another foreign key are spelled otherwise, and that lacks a parent as well.
  static let spelledOrphans = Situation(
    name: "spelled-orphans",
    tables: [
      TestTable("Unit", [column("Code", "varchar(6)", .ignoringCase)]).key("Code"),
      TestTable(
        "UnitText",
        [
          column("Code", "varchar(6)", .ignoringCase),
          column("OtherCode", "varchar(6)", .null, .ignoringCase),
          column("BaseCode", "varchar(6)", .null, .ignoringCase),
          column("NextCode", "varchar(6)", .null, .ignoringCase),
        ]
      ).key("Code").link("NextCode", to: "UnitText", "Code").link("Code", to: "Unit", "Code")
        .link("OtherCode", to: "Unit", "Code").link("BaseCode", to: "Unit", "Code", policy: .null),
    ],
    nights: [
      night(
        "unit: 2 inserted; unittext: 2 inserted, 1 nulled, 4 respelled",
        ["Unit": ["kg", "m"], "UnitText": ["KG ,m ,x,", "m,Kg ,KG,KG "]])
    ])

  /// A known row whose key is spelled otherwise tonight, and that is refused: it stays as it is, and so does
  /// its key.
  static let spelledRefused = Situation(
    name: "spelled-refused",
    tables: [
      TestTable("Region", [column("Id", "int")]).surrogate("Id"),
      TestTable("Unit", [column("Code", "varchar(6)"), column("RegionId", "int", .null)])
        .key("Code").link("RegionId", to: "Region", "Id", policy: .reject),
      TestTable("Measure", [column("Id", "int"), column("Code", "varchar(6)", .null)])
        .surrogate("Id").link("Code", to: "Unit", "Code"),
    ],
    nights: [
      night(
        "measure: 1 inserted; region: 1 inserted; unit: 2 inserted",
        ["Region": ["1"], "Unit": ["kg,1", "m,1"], "Measure": ["1,kg"]]),
      unprovenNight(
        "measure: 1 inserted, 1 respelled, 1 unchanged; region: 1 unchanged; unit: 1 rejected, 1 updated",
        ["Region": ["1"], "Unit": ["kg ,99", "m ,1"], "Measure": ["1,kg", "2,kg "]]),
      night(
        "measure: 1 respelled, 2 updated; region: 1 unchanged; unit: 1 unchanged, 1 updated",
        ["Region": ["1"], "Unit": ["kg ,1", "m ,1"], "Measure": ["1,kg", "2,kg "]]),
    ])

  /// A key that is the parent's in a ring, and that the parent looks for in its turn.
  static let spelledCycle = Situation(
    name: "spelled-cycle",
    tables: [
      TestTable("Region", [column("Id", "int")]).surrogate("Id"),
      TestTable("Person", [column("Code", "varchar(6)"), column("BossCode", "varchar(6)", .null)])
        .key("Code").link("BossCode", to: "Employee", "Code"),
      TestTable("Employee", [column("Code", "varchar(6)"), column("RegionId", "int", .null)])
        .key("Code").link("Code", to: "Person", "Code")
        .link("RegionId", to: "Region", "Id", policy: .reject),
    ],
    nights: [
      night(
        "employee: 2 inserted, 1 respelled; person: 2 inserted, 1 respelled; region: 1 inserted",
        [
          "Region": ["1"], "Person": ["kg ,", "m,kg"],
          "Employee": ["kg,1", "m,"],
        ]),
      night(
        "employee: 1 respelled, 1 unchanged, 1 updated; person: 2 respelled, 2 updated; region: 1 unchanged",
        [
          "Region": ["1"], "Person": ["kg  ,kg", "m,kg"],
          "Employee": ["kg,1", "m,"],
        ]),
      // One of the two alone: the other one's rows have the old spelling.
      night("23503", ["Person": ["kg,kg ", "m,kg "]]),
      // A refused row keeps its spelling, and no note says that it was loaded with another.
      unprovenNight(
        "employee: 1 rejected, 1 unchanged; person: 1 respelled, 1 unchanged, 1 updated; region: 1 unchanged",
        [
          "Region": ["1"], "Person": ["kg  ,kg", "m,"],
          "Employee": ["kg ,99", "m,"],
        ]),
    ])

  /// Keys that are each other's, all around.
  static let spelledRing = Situation(
    name: "spelled-ring",
    tables: [
      TestTable("Head", [column("Code", "varchar(6)")]).key("Code").link(
        "Code", to: "Tail", "Code"),
      TestTable("Body", [column("Code", "varchar(6)")]).key("Code").link(
        "Code", to: "Head", "Code"),
      TestTable("Tail", [column("Code", "varchar(6)")]).key("Code").link(
        "Code", to: "Body", "Code"),
    ],
    nights: [
      night(
        "body: 1 inserted; head: 1 inserted, 1 respelled; tail: 1 inserted, 1 respelled",
        ["Head": ["a"], "Body": ["a "], "Tail": ["a  "]]),
      night(
        "body: 1 updated; head: 1 respelled, 1 updated; tail: 1 respelled, 1 updated",
        ["Head": ["a  "], "Body": ["a"], "Tail": ["a "]]),
    ])

  /// A target that was there before: its foreign keys are not deferrable.
  static let fixedCycle = Situation(
    name: "fixed-cycle",
    tables: [
      TestTable(
        "Department",
        [
          column("Id", "int"), column("Name", "varchar(20)"), column("HeadId", "int", .null),
          column("DeputyId", "int", .null),
        ]
      ).surrogate("Id").link("HeadId", to: "Worker", "Id", isFixed: true)
        .link("DeputyId", to: "Worker", "Id", isFixed: true),
      TestTable(
        "Worker",
        [
          column("Id", "int"), column("Name", "varchar(20)"), column("DepartmentId", "int"),
          column("ChiefId", "int", .null),
        ]
      ).surrogate("Id").link("DepartmentId", to: "Department", "Id", isFixed: true)
        .link("ChiefId", to: "Worker", "Id", isFixed: true),
    ],
    nights: [
      night(
        "department: 3 inserted; worker: 3 inserted",
        [
          "Department": ["10,d,2,1", "20,e,,3", "30,f,,"],
          "Worker": ["1,a,10,3", "2,b,10,", "3,c,20,3"],
        ]),
      night(
        "department: 1 inserted, 2 unchanged, 1 updated; worker: 1 inserted, 2 unchanged, 1 updated",
        [
          "Department": ["10,d,2,1", "20,e,4,3", "30,f,,", "40,g,4,"],
          "Worker": ["1,a,10,3", "2,b,10,", "3,c,40,4", "4,d,20,1"],
        ]),
      // One of the two alone.
      night(
        "department: 1 inserted, 3 unchanged, 1 updated",
        ["Department": ["10,d,3,1", "20,e,4,3", "30,f,,", "40,g,4,", "50,h,1,2"]]),
    ])

  /// The same with keys that are kept, and a changed row reported only.
  static let fixedCycleOfText = Situation(
    name: "fixed-cycle-of-text",
    tables: [
      TestTable(
        "Team",
        [column("Code", "varchar(9)"), column("No", "int"), column("Captain", "varchar(9)", .null)]
      ).key("Code", "No").link("Captain", to: "Player", "Nick", isFixed: true).onChanged(.report),
      TestTable(
        "Player",
        [column("Nick", "varchar(9)"), column("Code", "varchar(9)"), column("No", "int")]
      ).key("Nick").link("Code", "No", to: "Team", "Code", "No", isFixed: true),
    ],
    nights: [
      night(
        "player: 2 inserted; team: 2 inserted",
        ["Team": ["t,1,x", "t,2,"], "Player": ["x,t,1", "y,t,2"]]),
      night(
        "player: 1 inserted, 2 unchanged; team: 1 inserted, 2 unchanged",
        ["Team": ["t,1,x", "t,2,", "u,1,z"], "Player": ["x,t,1", "y,t,2", "z,u,1"]]),
      unprovenNight(
        "player: 3 unchanged; team: 1 changed, 2 unchanged",
        ["Team": ["t,1,y", "t,2,", "u,1,z"], "Player": ["x,t,1", "y,t,2", "z,u,1"]]),
    ])
}
