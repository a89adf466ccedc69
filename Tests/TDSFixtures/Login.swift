// What client and server say before the first batch: PRELOGIN ([MS-TDS] 2.2.6.5) and LOGIN7
// (2.2.6.4).

import BackupFixtures

/// The client's PRELOGIN: what it wants to be encrypted.
struct Prelogin {
  var encryption: Encryption

  /// Values of the option ENCRYPTION.
  enum Encryption: UInt8 {
    /// Only the login is encrypted.
    case off = 0
    case on = 1
    case notSupported = 2
    case required = 3
  }

  init(parsing bytes: [UInt8]) throws {
    var found: Encryption?
    var index = 0
    while index < bytes.count && bytes[index] != Self.terminator {
      guard index + 5 <= bytes.count else { throw ProtocolError("PRELOGIN ends in an option") }
      let offset = Int(bytes[index + 1]) << 8 | Int(bytes[index + 2])
      let length = Int(bytes[index + 3]) << 8 | Int(bytes[index + 4])
      guard offset + length <= bytes.count else {
        throw ProtocolError("PRELOGIN option \(bytes[index]) lies outside")
      }
      if bytes[index] == Self.encryptionOption && length == 1 {
        found = Encryption(rawValue: bytes[offset])
      }
      index += 5
    }
    guard let found else { throw ProtocolError("PRELOGIN without a valid ENCRYPTION option") }
    encryption = found
  }

  /// VERSION 14.0.3456, ENCRYPTION, INSTOPT, THREADID and MARS (off).
  static func answer(_ encryption: Encryption) -> [UInt8] {
    let options: [(token: UInt8, value: [UInt8])] = [
      (0, [14, 0, 0x0D, 0x80, 0, 0]), (encryptionOption, [encryption.rawValue]), (2, [0]), (3, []),
      (4, [0]),
    ]
    var head: [UInt8] = []
    var values: [UInt8] = []
    for (token, value) in options {
      let offset = options.count * 5 + 1 + values.count
      head += [token, UInt8(offset >> 8), UInt8(offset & 0xFF), 0, UInt8(value.count)]
      values += value
    }
    return head + [terminator] + values
  }

  private static let encryptionOption: UInt8 = 1
  private static let terminator: UInt8 = 0xFF
}

/// Whether the server has TLS, and who must use it.
public enum ServerEncryption: Sendable {
  /// The server has no TLS: ENCRYPT_NOT_SUP.
  case unavailable
  /// ENCRYPT_OFF: the login is encrypted, and all that follows where the client asks for it.
  case optional(Certificate)
  /// ENCRYPT_REQ: nobody comes in without.
  case required(Certificate)

  /// A server certificate and its key as PEM files.
  public struct Certificate: Sendable {
    public var certificateFile: String
    public var keyFile: String

    public init(certificateFile: String, keyFile: String) {
      self.certificateFile = certificateFile
      self.keyFile = keyFile
    }
  }

  var certificate: Certificate? {
    switch self {
    case .unavailable: nil
    case .optional(let certificate), .required(let certificate): certificate
    }
  }

  /// The table of [MS-TDS] 2.2.6.5: what the server answers to the client's wish.
  func answer(_ client: Prelogin.Encryption) -> Prelogin.Encryption {
    switch (self, client) {
    case (.unavailable, _): .notSupported
    case (_, .on), (_, .required): .on
    case (.optional, .off): .off
    case (.optional, .notSupported): .notSupported
    case (.required, _): .required
    }
  }
}

/// The client's LOGIN7.
struct Login7 {
  /// As LOGINACK repeats it: 0x74000004 for 7.4.
  var tdsVersion: UInt32
  var packetByteCount: Int
  var host = ""
  var user = ""
  var password = ""
  var application = ""
  var database = ""
  /// The client calls itself ODBC, and then gets large values whole.
  var isODBC: Bool
  /// The first token of a Windows login; empty for a login with a password.
  var securityToken: [UInt8] = []

  init(parsing bytes: [UInt8]) throws {
    guard bytes.count >= Self.headByteCount, Int(bytes.uint32(at: 0)) == bytes.count else {
      throw ProtocolError("LOGIN7 of \(bytes.count) bytes whose length field says otherwise")
    }
    tdsVersion = bytes.uint32(at: 4)
    packetByteCount = Int(bytes.uint32(at: 8))
    isODBC = bytes[25] & 0x02 != 0
    host = try Self.text(bytes, at: 36)
    user = try Self.text(bytes, at: 40)
    password = try Self.text(bytes, at: 44) {
      $0.map { byte in
        let clear = byte ^ 0xA5
        return clear << 4 | clear >> 4
      }
    }
    application = try Self.text(bytes, at: 48)
    database = try Self.text(bytes, at: 68)
    let offset = Int(bytes.uint16(at: 78))
    let end = offset + Int(bytes.uint16(at: 80))
    guard bytes[25] & 0x80 != 0 else { return }
    guard end <= bytes.count else { throw ProtocolError("LOGIN7: the security token lies outside") }
    securityToken = Array(bytes[offset..<end])
  }

  private static let headByteCount = 94

  /// A text whose offset in bytes and length in UTF-16 units stand in the head.
  private static func text(
    _ bytes: [UInt8], at place: Int, decoding: ([UInt8]) -> [UInt8] = { $0 }
  ) throws -> String {
    let offset = Int(bytes.uint16(at: place))
    let end = offset + 2 * Int(bytes.uint16(at: place + 2))
    guard end <= bytes.count else {
      throw ProtocolError("LOGIN7: the text at \(place) lies outside")
    }
    return utf16Text(decoding(Array(bytes[offset..<end]))[...])
  }
}

/// Text from UTF-16LE; what is no text becomes U+FFFD.
func utf16Text(_ bytes: ArraySlice<UInt8>) -> String {
  let bytes = Array(bytes)
  let units = stride(from: 0, to: bytes.count - 1, by: 2).map { bytes.uint16(at: $0) }
  return String(decoding: units, as: UTF16.self)
}
