import Staging

/// What a row of `sysobjvalues` belongs to (section 10.3).
struct ValueKey: Hashable, Sendable {
  enum Class {
    static let definition = 1
    static let computedColumn = 2
    static let sequence = 63
    static let indexFilter = 66
    static let encryptedColumn = 115
  }

  var valueClass: Int
  var object: Int
  var part: Int
}

/// A row of `sysobjvalues`: mostly the text of a definition.
struct ObjectValue: Sendable {
  let key: ValueKey
  let value: Variant?
  let image: [UInt8]?

  init?(_ row: SystemRow) throws(BackupError) {
    let valueClass = try row.int("valclass")
    // A sequence has one row, whose number was 0 in some real files and 2616 in others.
    guard try row.int("valnum") == 0 || valueClass == ValueKey.Class.sequence else { return nil }
    key = ValueKey(
      valueClass: valueClass, object: try row.int("objid"), part: try row.int("subobjid"))
    value = try row.bytes("value").flatMap { Variant($0) }
    image = try row.bytes("imageval")
  }

  /// The text of a definition: 8-bit in the database's code page where `value` is the int 2, UTF-16
  /// where it is 0: the server takes that form for characters that the code page lacks (seen in
  /// files of SQL Server 2005 and 2008 R2).
  ///
  /// - Returns: nil where the text is kept in some other way, or is encrypted.
  func text(codePage: Int?) -> String? {
    guard let image else { return nil }
    let text =
      switch value?.integer {
      case 2: String(catalogText: image, codePage: codePage)
      case 0: String(validUTF16: image)
      default: String?.none
      }
    return text.flatMap { $0.isPlausibleSource ? $0 : nil }
  }
}

/// A sql_variant value of the catalog (section 14.3).
struct Variant: Sendable {
  let xtype: UInt8
  /// What the header says of the type: precision and scale, or length and collation.
  let arguments: [UInt8]
  /// The value without the variant's header, in the type's ordinary encoding.
  let payload: [UInt8]

  /// - Returns: nil for a type that the catalog is not known to use.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 2 else { return nil }
    xtype = bytes[0]
    let headerByteCount =
      switch xtype {
      case XType.binary, XType.varbinary, XType.decimal, XType.numeric: 4
      case XType.char, XType.varchar, XType.nchar, XType.nvarchar: 8
      case XType.time, XType.datetime2, XType.datetimeoffset: 3
      default: 2
      }
    guard bytes.count >= headerByteCount else { return nil }
    arguments = Array(bytes[2..<headerByteCount])
    payload = Array(bytes[headerByteCount...])
  }

  var integer: Int? {
    switch xtype {
    case XType.tinyint, XType.bit: payload.first.map { Int($0) }
    case XType.smallint: payload.count == 2 ? signed : nil
    case XType.int: payload.count == 4 ? signed : nil
    case XType.bigint: payload.count == 8 ? signed : nil
    default: nil
    }
  }

  func text(codePage: Int?) -> String? {
    switch xtype {
    case XType.nchar, XType.nvarchar: String(utf16: payload)
    case XType.char, XType.varchar: String(catalogText: payload, codePage: codePage)
    default: integer.map { String($0) }
    }
  }

  private var signed: Int {
    payload.withUnsafeBytes { bytes in
      let shift = UInt64(64 - 8 * bytes.count)
      return Int(Int64(bitPattern: bytes.unsignedNumber() << shift) >> Int64(shift))
    }
  }
}

/// A row of `sysseobjvalues`: the value that rows older than an added column have in it (2012 and
/// later).
struct AddedDefault: Sendable {
  let rowset: Int
  /// Physical number of the column.
  let number: Int
  let value: [UInt8]?
}

extension AddedDefault {
  init?(_ row: SystemRow) throws(BackupError) {
    guard try row.int("valclass") == 1, try row.int("valnum") == 0 else { return nil }
    rowset = try row.int("id")
    number = try row.int("subid")
    if let image = try row.bytes("imageval"), !image.isEmpty {
      value = image
    } else {
      value = try row.bytes("value").flatMap { Variant($0) }?.payload
    }
  }
}

extension String {
  /// Text of the catalog in an 8-bit code page; nil where it cannot be told what it says.
  init?(catalogText bytes: [UInt8], codePage: Int?) {
    if bytes.allSatisfy({ $0 < 0x80 }) {
      self.init(decoding: bytes, as: UTF8.self)
      return
    }
    guard let text = codePage.flatMap({ CodePage(number: $0) })?.string(bytes) else { return nil }
    self = text
  }

  /// UTF-16LE; nil where it has half a character.
  fileprivate init?(validUTF16 bytes: [UInt8]) {
    guard bytes.count.isMultiple(of: 2) else { return nil }
    let units = stride(from: 0, to: bytes.count, by: 2).map {
      UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8
    }
    self.init(validating: units, as: UTF16.self)
  }

  /// Source text has no control characters but these; encrypted text has many.
  fileprivate var isPlausibleSource: Bool {
    unicodeScalars.allSatisfy { scalar in
      scalar.value >= 0x20 || [0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1A].contains(scalar.value)
    }
  }
}
