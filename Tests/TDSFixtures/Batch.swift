// SQL batches as the answering function gets them ([MS-TDS] 2.2.6.7).

import BackupFixtures

/// One SQL batch of a client.
public struct Batch: Sendable {
  /// The whole text, without the statements at its start that the session itself obeys.
  public var text: String
  /// Counts the batches of the server from 1, over all connections.
  public var number: Int
  public var session: SessionState
  /// What will be done to the answer.
  public var fault: Fault?

  /// What stands after `-- restage:` in the first line; empty without it.
  public var name: String {
    let line = text.split(separator: "\n", maxSplits: 1).first ?? ""
    guard line.hasPrefix("-- restage:") else { return "" }
    return String(
      line.dropFirst(11).drop { $0 == " " }.reversed().drop { $0.isWhitespace }.reversed())
  }
}

/// What a connection has agreed to and set.
public struct SessionState: Sendable {
  /// Counts the server's connections from 1.
  public var connection: Int
  public var user = ""
  public var database = ""
  public var application = ""
  /// 0x73000000 or 0x74000000 and more.
  public var tdsVersion: UInt32 = 0
  public var packetByteCount = 4096
  /// Whether batches and rows, not only the login, go through TLS.
  public var isEncrypted = false
  /// `SET TEXTSIZE`: bytes after which large values are cut.
  public var textSize = 4096
  /// Of the open transaction.
  public var transaction: UInt64?
}

/// The text of a batch message, and a check of the headers before it.
struct BatchText {
  var text: String

  /// - Parameter transaction: What the header must name; zero outside a transaction.
  init(parsing bytes: [UInt8], transaction: UInt64) throws {
    guard bytes.count >= 4 else { throw ProtocolError("a batch without ALL_HEADERS") }
    let end = Int(bytes.uint32(at: 0))
    guard (4...bytes.count).contains(end) else {
      throw ProtocolError("ALL_HEADERS of \(end) bytes in a batch of \(bytes.count)")
    }
    var named: UInt64?
    var index = 4
    while index + 6 <= end {
      let length = Int(bytes.uint32(at: index))
      guard length >= 6, index + length <= end else {
        throw ProtocolError("a header of \(length) bytes in ALL_HEADERS of \(end)")
      }
      // 2 is the transaction descriptor; the number of outstanding requests follows it.
      if bytes.uint16(at: index + 4) == 2 && length == 18 {
        named =
          UInt64(bytes.uint32(at: index + 6)) | UInt64(bytes.uint32(at: index + 10)) << 32
      }
      index += length
    }
    guard named == transaction else {
      throw ProtocolError(
        "a batch in transaction \(named.map(String.init) ?? "none"), where \(transaction) is open")
    }
    text = utf16Text(bytes[end...])
  }
}
