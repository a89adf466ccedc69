// What can identify a row.

import Catalog

extension Situation {
  /// The key is text, equal under a collation that ignores case, and kept.
  static let textKeyPreserved = Situation(
    name: "text-key-preserved",
    tables: [
      TestTable(
        "Country", [column("Code", "char(3)", .ignoringCase), column("Name", "nvarchar(40)")]
      ).key("Code"),
      TestTable(
        "City",
        [
          column("CityId", "int"), column("Country", "char(3)", .null, .ignoringCase),
          column("Name", "nvarchar(40)"),
        ]
      ).surrogate("CityId").link("Country", to: "Country", "Code"),
    ],
    nights: [
      night(
        "city: 3 inserted; country: 2 inserted",
        [
          "Country": ["che,Schweiz", "fr ,France"],
          "City": ["1,che,Bern", "2,fr ,Lyon", "3,,Atlantis"],
        ]),
      // The same keys in another spelling: changed rows, not unseen ones.
      night(
        "city: 2 unchanged, 1 updated; country: 1 unchanged, 1 updated",
        [
          "Country": ["CHE,Schweiz", "fr ,France"],
          "City": ["1,CHE,Bern", "2,fr ,Lyon", "3,,Atlantis"],
        ]),
      // A child that spells its parent differently from the parent itself.
      night(
        "city: 1 inserted, 3 unchanged; country: 2 unchanged",
        [
          "Country": ["CHE,Schweiz", "fr ,France"],
          "City": ["1,CHE,Bern", "2,fr ,Lyon", "3,,Atlantis", "4,Che,Thun"],
        ]),
      // The children alone: their parents are found where they are.
      night(
        "city: 1 inserted, 1 unchanged, 3 vanished",
        ["City": ["1,CHE,Bern", "9,FR ,Nice"]]),
    ])

  static let compositeKey = Situation(
    name: "composite-key",
    tables: [
      TestTable(
        "Ledger",
        [column("Year", "smallint"), column("Number", "int"), column("Note", "varchar(20)", .null)]
      ).key("Year", "Number"),
      TestTable(
        "Entry",
        [
          column("EntryId", "int"), column("Year", "smallint", .null),
          column("Number", "int", .null), column("Amount", "money"),
        ]
      ).surrogate("EntryId").link("Year", "Number", to: "Ledger", "Year", "Number"),
    ],
    nights: [
      night(
        "entry: 3 inserted; ledger: 3 inserted",
        [
          "Ledger": ["2020,1,", "2020,2,\"\"", "2021,1,x"],
          "Entry": ["1,2020,2,1.0000", "2,2021,,-3.5000", "3,,,0.0000"],
        ]),
      night(
        "entry: 1 unchanged, 2 updated; ledger: 1 inserted, 2 unchanged, 1 vanished",
        [
          "Ledger": ["2020,1,", "2021,2,new", "2021,1,x"],
          "Entry": ["1,2021,2,1.0000", "2,2021,1,-3.5000", "3,,,0.0000"],
        ]),
      night(
        "RS001",
        ["Ledger": ["2020,1,"], "Entry": ["1,2020,3,1.0000"]]),
    ])

  /// The key is made of two foreign keys, and each of them leads to new keys.
  static let junctionTable = Situation(
    name: "junction-table",
    tables: [
      TestTable("Playlist", [column("PlaylistId", "int"), column("Name", "nvarchar(40)")])
        .surrogate("PlaylistId"),
      TestTable("Track", [column("TrackId", "int"), column("Name", "nvarchar(40)")])
        .surrogate("TrackId"),
      TestTable(
        "PlaylistTrack",
        [
          column("PlaylistId", "int"), column("TrackId", "int"), column("Added", "datetime", .null),
        ]
      ).key("PlaylistId", "TrackId").link("PlaylistId", to: "Playlist", "PlaylistId")
        .link("TrackId", to: "Track", "TrackId"),
      TestTable(
        "Vote",
        [
          column("VoteId", "int"), column("PlaylistId", "int"), column("TrackId", "int"),
          column("Stars", "tinyint"),
        ]
      ).surrogate("VoteId").link(
        "PlaylistId", "TrackId", to: "PlaylistTrack", "PlaylistId", "TrackId"),
    ],
    nights: [
      night(
        "playlist: 2 inserted; playlisttrack: 3 inserted; track: 2 inserted; vote: 2 inserted",
        [
          "Playlist": ["100,A", "200,B"], "Track": ["11,x", "12,y"],
          "PlaylistTrack": ["100,11,", "100,12,2020-01-01 00:00:00.003", "200,11,"],
          "Vote": ["1,100,12,5", "2,200,11,1"],
        ]),
      night(
        "playlist: 2 unchanged; playlisttrack: 1 inserted, 2 unchanged, 1 updated; track: 2 unchanged; vote: 1 unchanged, 1 updated",
        [
          "Playlist": ["100,A", "200,B"], "Track": ["11,x", "12,y"],
          "PlaylistTrack": [
            "100,11,", "100,12,2020-01-01 00:00:00.007", "200,11,", "200,12,",
          ],
          "Vote": ["1,200,12,5", "2,200,11,1"],
        ]),
      // Only the table in the middle.
      night(
        "playlisttrack: 4 unchanged",
        [
          "PlaylistTrack": [
            "100,11,", "100,12,2020-01-01 00:00:00.007", "200,11,", "200,12,",
          ]
        ]),
    ])

  /// The child's primary key is its foreign key: a row in two halves.
  static let sharedPrimaryKey = Situation(
    name: "shared-primary-key",
    tables: [
      TestTable("Person", [column("PersonId", "int"), column("Name", "nvarchar(40)")])
        .surrogate("PersonId"),
      TestTable("Employee", [column("PersonId", "int"), column("Badge", "varchar(10)")])
        .key("PersonId").link("PersonId", to: "Person", "PersonId"),
      TestTable("Manager", [column("PersonId", "int"), column("Budget", "decimal(18,2)")])
        .key("PersonId").link("PersonId", to: "Employee", "PersonId", policy: .reject),
    ],
    nights: [
      night(
        "employee: 2 inserted; manager: 1 inserted, 1 rejected; person: 3 inserted",
        [
          "Person": ["5,Ann", "6,Bob", "7,Cy"], "Employee": ["6,b6", "7,b7"],
          "Manager": ["7,1000.50", "5,1.00"],
        ]),
      night(
        "employee: 1 inserted, 2 unchanged; manager: 1 inserted, 1 updated; person: 3 unchanged",
        [
          "Person": ["5,Ann", "6,Bob", "7,Cy"], "Employee": ["5,b5", "6,b6", "7,b7"],
          "Manager": ["7,1000.60", "5,1.00"],
        ]),
    ])

  /// No key at all: equal rows stay as many as they were.
  static let wholeRow = Situation(
    name: "whole-row",
    tables: [
      TestTable("Host", [column("HostId", "int"), column("Name", "varchar(20)")])
        .surrogate("HostId"),
      TestTable(
        "Log",
        [
          column("HostId", "int", .null), column("Line", "nvarchar(max)", .null),
          column("row_hash", "int", .null), column("Raw", "varbinary(8)", .null),
        ]
      ).link("HostId", to: "Host", "HostId"),
    ],
    nights: [
      night(
        "host: 2 inserted; log: 7 inserted",
        [
          "Host": ["1,a", "2,b"],
          "Log": [
            "1,hello,,", "1,hello,,", "1,hello,,", ",\"\",1,\\x00ff", ",,1,\\x00ff", ",,,",
            "2,hello,,",
          ],
        ]),
      night(
        "host: 2 unchanged; log: 2 inserted, 5 unchanged, 2 vanished",
        [
          "Host": ["1,a", "2,b"],
          "Log": [
            "1,hello,,", "1,hello,,", ",\"\",1,\\x00ff", ",,1,\\x00ff", ",,,", ",,,", "2,hullo,,",
          ],
        ]),
      night(
        "host: 2 unchanged; log: 1 returned, 7 unchanged, 1 vanished",
        [
          "Host": ["1,a", "2,b"],
          "Log": [
            "1,hello,,", "1,hello,,", "1,hello,,", ",\"\",1,\\x00ff", ",,1,\\x00ff", ",,,",
            "2,hullo,,",
          ],
        ]),
    ])

  /// A wider foreign key whose columns are foreign keys themselves, some of them NULL: then there is
  /// no parent to look for, and the other column still gets its new key.
  static let nullableCompositeForeignKey = Situation(
    name: "nullable-composite-foreign-key",
    tables: [
      TestTable("Tenant", [column("TenantId", "int"), column("Name", "varchar(20)")])
        .surrogate("TenantId"),
      TestTable("Region", [column("RegionId", "int"), column("Name", "varchar(20)")])
        .surrogate("RegionId"),
      TestTable(
        "Office",
        [column("TenantId", "int"), column("RegionId", "int"), column("City", "varchar(20)")]
      ).key("TenantId", "RegionId").link("TenantId", to: "Tenant", "TenantId")
        .link("RegionId", to: "Region", "RegionId"),
      TestTable(
        "Desk",
        [
          column("DeskId", "int"), column("TenantId", "int", .null),
          column("RegionId", "int", .null),
        ]
      ).surrogate("DeskId").link(
        "TenantId", "RegionId", to: "Office", "TenantId", "RegionId", policy: .reject),
    ],
    nights: [
      night(
        "desk: 4 inserted, 2 rejected; office: 1 inserted; region: 2 inserted; tenant: 2 inserted",
        [
          "Tenant": ["21,t", "22,u"], "Region": ["31,r", "32,s"], "Office": ["21,31,Rome"],
          // In order: whole, half, other half, none, no such office, half of a tenant that is nowhere.
          "Desk": ["1,21,31", "2,22,", "3,,32", "4,,", "5,22,31", "6,99,"],
        ])
    ])

  /// Source keys that are NULL or stand on several rows.
  static let badKeys = Situation(
    name: "bad-keys",
    tables: [
      TestTable(
        "Item",
        [
          column("Code", "varchar(10)", .null), column("Lot", "int", .null),
          column("Note", "varchar(20)", .null),
        ]
      ).key("Code", "Lot"),
      TestTable(
        "Part",
        [
          column("PartId", "int"), column("Code", "varchar(10)", .null),
          column("Lot", "int", .null),
        ]
      ).surrogate("PartId").link("Code", "Lot", to: "Item", "Code", "Lot", policy: .reject),
    ],
    nights: [
      night(
        "item: 2 inserted, 5 rejected; part: 2 inserted, 1 rejected",
        [
          "Item": ["a,1,", "b,1,", "b,1,", "c,2,x", "c,2,y", ",3,", "\"\",1,"],
          "Part": ["1,a,1", "2,b,1", "3,\"\",1"],
        ]),
      // A known key that is refused tonight has not vanished, and is still a parent.
      night(
        "item: 1 inserted, 2 rejected, 1 vanished; part: 1 inserted, 2 unchanged",
        [
          "Item": ["a,1,p", "a,1,q", "b,1,now only one"],
          "Part": ["1,a,1", "2,b,1", "3,\"\",1"],
        ]),
      night(
        "item: 1 returned, 2 unchanged, 1 updated; part: 3 unchanged",
        [
          "Item": ["a,1,p", "b,1,now only one", "\"\",1,"],
          "Part": ["1,a,1", "2,b,1", "3,\"\",1"],
        ]),
    ])

  /// The parent's key ignores case, the child's column has the database's own collation.
  static let collationsDiffer = Situation(
    name: "collations-differ",
    tables: [
      TestTable(
        "Unit", [column("Symbol", "varchar(10)", .ignoringCase), column("Name", "varchar(20)")]
      ).key("Symbol"),
      TestTable("Measure", [column("MeasureId", "int"), column("Symbol", "varchar(10)", .null)])
        .surrogate("MeasureId").link("Symbol", to: "Unit", "Symbol", policy: .null),
    ],
    nights: [
      night(
        "measure: 4 inserted, 1 nulled; unit: 2 inserted",
        [
          "Unit": ["kg,kilogram", "\"\",none"],
          "Measure": ["1,KG", "2,kg", "3,\"\"", "4,mol"],
        ])
    ])
}

// MARK: - Blanks

extension Situation {
  /// Text keys that differ from the parent's in trailing blanks: one key to SQL Server.
  static let trailingBlanks = Situation(
    name: "trailing-blanks",
    tables: [
      TestTable(
        "Region", [column("Code", "varchar(6)", .ignoringCase), column("Name", "varchar(20)")]
      ).key("Code"),
      TestTable(
        "Place",
        [
          column("PlaceId", "int"), column("Code", "varchar(6)", .null, .ignoringCase),
          column("OtherCode", "nvarchar(max)", .null),
        ]
      ).surrogate("PlaceId").link("Code", to: "Region", "Code", policy: .reject)
        .link("OtherCode", to: "Region", "Code", policy: .null),
      // The key itself is the parent's.
      TestTable("Flag", [column("Code", "varchar(6)", .ignoringCase), column("Color", "int")])
        .key("Code").link("Code", to: "Region", "Code", policy: .reject),
      // A row without a key cannot be respelled: it counts as an orphan.
      TestTable("Visit", [column("Code", "varchar(6)", .ignoringCase), column("Day", "int")])
        .link("Code", to: "Region", "Code", policy: .reject),
    ],
    nights: [
      night(
        "flag: 2 inserted, 1 respelled; place: 5 inserted, 1 nulled, 1 rejected, 3 respelled; region: 2 inserted; visit: 1 inserted, 1 rejected",
        [
          "Region": ["ch,Schweiz", "fr ,France"],
          "Place": [
            "1,ch  ,", "2,FR,ch ", "3,Ch,FR ", "4,,ch", "5,ch,de ", "6,de,ch ",
          ],
          "Flag": ["ch,1", "fr,2"], "Visit": ["CH,1", "ch ,2"],
        ]),
      // The parent's own spelling changes in case, a child's in blanks.
      night(
        "flag: 1 respelled, 2 unchanged; place: 1 inserted, 1 nulled, 2 respelled, 4 unchanged, 1 updated; region: 1 unchanged, 1 updated; visit: 1 rejected, 1 unchanged",
        [
          "Region": ["CH,Schweiz", "fr ,France"],
          "Place": [
            "1,ch,", "2,FR,ch ", "3,Ch,FR ", "4,,ch", "5,ch,de ", "7,fr ,",
          ],
          "Flag": ["ch,1", "fr,2"], "Visit": ["CH,1", "ch ,2"],
        ]),
    ])
}

// MARK: - Unique values

extension Situation {
  /// Values of a unique constraint that change places, within a night and from a row that is gone.
  static let uniqueValuesMove = Situation(
    name: "unique-values-move",
    tables: [
      TestTable(
        "Item",
        [
          column("ItemId", "int"), column("Code", "varchar(10)", .null),
          column("Place", "int", .null), column("Owner", "varchar(10)", .null),
        ]
      ).surrogate("ItemId").unique("Code").unique("Owner", "Place")
    ],
    nights: [
      night(
        "item: 4 inserted",
        ["Item": ["1,a,1,x", "2,b,2,x", "3,,3,x", "4,d,1,y"]]),
      // Two rows swap, a third takes the place of one, an unseen row takes a value that was freed.
      night(
        "item: 1 inserted, 4 updated",
        ["Item": ["1,b,1,x", "2,a,3,x", "3,d,2,x", "4,,1,y", "5,e,4,x"]]),
      // A value that no row has freed: the row that has it vanished, and stays.
      night("23505", ["Item": ["1,b,1,x", "2,a,3,x", "3,d,2,x", "4,,1,y", "6,e,5,x"]]),
    ])

  /// A key that foreign keys lead to is checked row by row.
  static let uniqueValuesFixed = Situation(
    name: "unique-values-fixed",
    tables: [
      TestTable("Item", [column("ItemId", "int"), column("Code", "varchar(10)")])
        .surrogate("ItemId").unique("Code", isFixed: true)
    ],
    nights: [
      night("item: 2 inserted", ["Item": ["1,a", "2,b"]]),
      night("item: 1 unchanged, 1 updated", ["Item": ["1,a", "2,c"]]),
      night("23505", ["Item": ["1,c", "2,a"]]),
    ])
}
