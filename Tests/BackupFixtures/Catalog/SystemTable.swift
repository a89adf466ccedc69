import Catalog

/// A base table of the catalog in the layout of version 869 (SQL Server 2017), as the syscolpars of
/// a database of that version describes it.
struct SystemTable {
  let id: Int
  let name: String
  let columns: [(name: String, type: String, isNullable: Bool)]
  /// Columns of its clustered index.
  let key: [String]

  init(_ id: Int, _ name: String, _ columns: String, key: String) {
    self.id = id
    self.name = name
    self.columns = columns.split(separator: " ").map { text in
      let parts = text.split(separator: ":").map(String.init)
      let isNullable = parts[1].hasSuffix("?")
      return (parts[0], isNullable ? String(parts[1].dropLast()) : parts[1], isNullable)
    }
    self.key = key.split(separator: " ").map(String.init)
  }

  /// Base tables keep their columns in the order of their declaration.
  var layout: RowLayout {
    RowLayout(
      placing: columns.enumerated().map { index, column in
        StoredColumn(
          origin: .column(index), name: column.name, columnID: index + 1, physicalID: index + 1,
          type: Self.type(column.type), collation: Self.collation(column.type), codePage: 1252,
          isNullable: column.isNullable, isSparse: false,
          keyOrdinal: (key.firstIndex(of: column.name) ?? -1) + 1)
      })
  }

  static func type(_ text: String) -> StoredType {
    if text.hasPrefix("sysname") { return StoredType(231, length: 256, isFixed: false) }
    guard let type = ColumnType(text) else { preconditionFailure("no such type: \(text)") }
    return StoredType(type)
  }

  static func collation(_ type: String) -> UInt32 {
    switch type {
    case "sysname": 0x3400_D008
    case "sysname_binary": 0x1_0008
    default: type.hasPrefix("char") ? 0x1008 : 0
    }
  }

  /// Of its clustered index; the first few are the id alone, the others belong to index 1.
  var rowset: Int { [3, 5, 7].contains(id) ? id << 16 : 1 << 48 | id << 16 }
}

extension SystemTable {
  static let rscols = SystemTable(
    3, "sysrscols",
    """
    rsid:bigint rscolid:int hbcolid:int rcmodified:bigint ti:int cid:int ordkey:smallint \
    maxinrowlen:smallint status:int offset:int nullbit:int bitpos:smallint colguid:varbinary(16)?
    """, key: "rsid hbcolid")
  static let rowsets = SystemTable(
    5, "sysrowsets",
    """
    rowsetid:bigint ownertype:tinyint idmajor:int idminor:int numpart:int status:int \
    fgidfs:smallint rcrows:bigint cmprlevel:tinyint fillfact:tinyint maxnullbit:smallint \
    maxleaf:int maxint:smallint minleaf:smallint minint:smallint rsguid:varbinary(16)? \
    lockres:varbinary(8)? scope_id:int?
    """, key: "rowsetid")
  static let allocunits = SystemTable(
    7, "sysallocunits",
    """
    auid:bigint type:tinyint ownerid:bigint status:int fgid:smallint pgfirst:binary(6) \
    pgroot:binary(6) pgfirstiam:binary(6) pcused:bigint pcdata:bigint pcreserved:bigint
    """, key: "ownerid type auid")
  static let seobjvalues = SystemTable(
    9, "sysseobjvalues",
    """
    valclass:tinyint id:bigint subid:bigint valnum:int value:sql_variant? imageval:varbinary(max)?
    """, key: "valclass id subid valnum")
  static let schobjs = SystemTable(
    34, "sysschobjs",
    """
    id:int name:sysname nsid:int nsclass:tinyint status:int type:char(2) pid:int pclass:tinyint \
    intprop:int created:datetime modified:datetime status2:int
    """, key: "id")
  static let colpars = SystemTable(
    41, "syscolpars",
    """
    id:int number:smallint colid:int name:sysname? xtype:tinyint utype:int length:smallint \
    prec:tinyint scale:tinyint collationid:int status:int maxinrow:smallint xmlns:int dflt:int \
    chk:int idtval:varbinary(64)?
    """, key: "id number colid")
  static let xprops = SystemTable(
    49, "sysxprops", "class:tinyint id:int subid:int name:sysname value:sql_variant?",
    key: "class id subid name")
  static let scalartypes = SystemTable(
    50, "sysscalartypes",
    """
    id:int schid:int name:sysname xtype:tinyint length:smallint prec:tinyint scale:tinyint \
    collationid:int status:int created:datetime modified:datetime dflt:int chk:int
    """, key: "id")
  static let typedsubobjs = SystemTable(
    51, "systypedsubobjs",
    """
    class:tinyint idmajor:int subid:int name:sysname_binary? xtype:tinyint utype:int length:smallint \
    prec:tinyint scale:tinyint collationid:int status:int intprop:int
    """, key: "class idmajor subid")
  static let idxstats = SystemTable(
    54, "sysidxstats",
    """
    id:int indid:int name:sysname? status:int intprop:int fillfact:tinyint type:tinyint \
    tinyprop:tinyint dataspace:int lobds:int rowset:bigint
    """, key: "id indid")
  static let iscols = SystemTable(
    55, "sysiscols",
    """
    idmajor:int idminor:int subid:int status:int intprop:int tinyprop1:tinyint tinyprop2:tinyint \
    tinyprop3:tinyint tinyprop4:tinyint
    """, key: "idmajor idminor subid")
  static let objvalues = SystemTable(
    60, "sysobjvalues",
    """
    valclass:tinyint objid:int subobjid:int valnum:int value:sql_variant? imageval:varbinary(max)?
    """, key: "valclass objid subobjid valnum")
  static let clsobjs = SystemTable(
    64, "sysclsobjs",
    """
    class:tinyint id:int name:sysname status:int type:char(2) intprop:int created:datetime \
    modified:datetime
    """, key: "class id")
  static let singleobjrefs = SystemTable(
    74, "syssingleobjrefs",
    "class:tinyint depid:int depsubid:int indepid:int indepsubid:int status:int",
    key: "class depid depsubid")
  static let multiobjrefs = SystemTable(
    75, "sysmultiobjrefs",
    "class:tinyint depid:int depsubid:int indepid:int indepsubid:int status:int",
    key: "class depid depsubid indepid indepsubid")

  static let all = [
    rscols, rowsets, allocunits, seobjvalues, schobjs, colpars, xprops, scalartypes,
    typedsubobjs, idxstats, iscols, objvalues, clsobjs, singleobjrefs, multiobjrefs,
  ]
}

/// A cell of the catalog.
enum SystemCell: Hashable {
  case null
  case int(Int)
  case name(String)
  case bytes([UInt8])

  func stored(_ type: StoredType) -> StoredValue {
    switch self {
    case .null: .null
    case .int(let number): .bytes(littleEndian(number, bytes: type.length))
    case .name(let text):
      .bytes(type.xtype == 175 ? Array(text.utf8) : utf16Bytes(text))
    case .bytes(let bytes): .bytes(bytes)
    }
  }

  /// Orders keys: numbers as numbers, all else as bytes.
  static func precedes(_ left: SystemCell, _ right: SystemCell) -> Bool {
    switch (left, right) {
    case (.int(let left), .int(let right)): left < right
    case (.name(let left), .name(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
    default: false
    }
  }
}

/// sql_variant cells: base type, version 1, what the type needs, value (section 14.3).
enum Variant {
  static func int(_ value: Int) -> [UInt8] { [56, 1] + littleEndian(value, bytes: 4) }

  static func varbinary(_ value: [UInt8]) -> [UInt8] { [165, 1] + [0x40, 0x1F] + value }

  /// A value as a variant of a type.
  static func of(_ value: [UInt8], _ type: StoredType) -> [UInt8] {
    switch type.xtype {
    case 106, 108: [UInt8(type.xtype), 1, UInt8(type.precision), UInt8(type.scale)] + value
    case 165, 173: [UInt8(type.xtype), 1] + littleEndian(type.length, bytes: 2) + value
    case 167, 175, 231, 239:
      [UInt8(type.xtype), 1] + littleEndian(type.length, bytes: 2)
        + littleEndian(0x3400_D008 as UInt32, bytes: 4) + value
    case 41, 42, 43: [UInt8(type.xtype), 1, UInt8(type.scale)] + value
    default: [UInt8(type.xtype), 1] + value
    }
  }

  static func nvarchar(_ text: String) -> [UInt8] {
    [231, 1, 0x40, 0x1F] + littleEndian(0x3400_D008 as UInt32, bytes: 4) + utf16Bytes(text)
  }
}
