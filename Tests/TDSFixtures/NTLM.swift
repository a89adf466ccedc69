// A Windows login as a server sees it: NEGOTIATE, CHALLENGE and AUTHENTICATE of [MS-NLMP] 2.2.1, and the
// NTLMv2 response that only somebody who knows the password can compute (3.3.2).

import BackupFixtures
import CLibMD

enum NTLM {
  /// Whether a security token is the first one of NTLM.
  static func isNegotiate(_ token: [UInt8]) -> Bool {
    token.count >= 12 && Array(token[..<8]) == signature && token.uint32(at: 8) == 1
  }

  /// The server's token: its challenge, and its names, which the client has to hash in.
  struct Challenge {
    let nonce: [UInt8]
    let targetInfo: [UInt8]

    init(nonce: [UInt8] = (0..<8).map { _ in UInt8.random(in: .min ... .max) }) {
      self.nonce = nonce
      targetInfo = Self.pair(2, "FIXTURES") + Self.pair(1, "FIXTURE") + [0, 0, 0, 0]
    }

    var token: [UInt8] {
      let name = utf16Bytes("FIXTURES")
      let nameOffset = 56
      // Unicode, target name, NTLM, always sign, extended session security, target info.
      let flags: UInt32 = 0x008A_8205
      return signature + littleEndian(UInt32(2), bytes: 4) + field(name.count, nameOffset)
        + littleEndian(flags, bytes: 4) + nonce + [UInt8](repeating: 0, count: 8)
        + field(targetInfo.count, nameOffset + name.count) + [10, 0, 0x61, 0x4A, 0, 0, 0, 15]
        + name + targetInfo
    }

    private func field(_ count: Int, _ offset: Int) -> [UInt8] {
      littleEndian(count, bytes: 2) + littleEndian(count, bytes: 2)
        + littleEndian(offset, bytes: 4)
    }

    /// AV_PAIR.
    private static func pair(_ id: Int, _ text: String) -> [UInt8] {
      let bytes = utf16Bytes(text)
      return littleEndian(id, bytes: 2) + littleEndian(bytes.count, bytes: 2) + bytes
    }
  }

  /// The client's last token.
  struct Authenticate {
    let domain: String
    let user: String
    private let response: [UInt8]

    init(parsing token: [UInt8]) throws {
      guard token.count >= 64, Array(token[..<8]) == signature, token.uint32(at: 8) == 3 else {
        throw ProtocolError("no AUTHENTICATE of NTLM")
      }
      response = try Self.field(token, at: 20)
      domain = utf16Text(try Self.field(token, at: 28)[...])
      user = utf16Text(try Self.field(token, at: 36)[...])
    }

    /// Whether it was computed from this password, for this challenge, by version 2.
    func proves(_ password: String, for challenge: Challenge) -> Bool {
      // 16 bytes of proof, then what it proves: version 1, time, the client's nonce, the target info.
      guard response.count > 16 + 28 else { return false }
      let blob = Array(response[16...])
      let hasTargetInfo =
        blob.starts(with: [1, 1]) && blob[28...].starts(with: challenge.targetInfo)
      let key = NTLM.hmacMD5(
        NTLM.md4(utf16Bytes(password)), utf16Bytes(user.uppercased() + domain))
      return hasTargetInfo && Array(response[..<16]) == NTLM.hmacMD5(key, challenge.nonce + blob)
    }

    private static func field(_ token: [UInt8], at place: Int) throws -> [UInt8] {
      let offset = Int(token.uint32(at: place + 4))
      let end = offset + Int(token.uint16(at: place))
      guard end <= token.count else { throw ProtocolError("a field of NTLM lies outside") }
      return Array(token[offset..<end])
    }
  }

  private static let signature = Array("NTLMSSP\0".utf8)

  // MARK: - Hashes

  static func md4(_ bytes: [UInt8]) -> [UInt8] {
    var context = MD4_CTX()
    var digest = [UInt8](repeating: 0, count: 16)
    MD4Init(&context)
    MD4Update(&context, bytes, bytes.count)
    MD4Final(&digest, &context)
    return digest
  }

  private static func md5(_ bytes: [UInt8]) -> [UInt8] {
    var context = MD5_CTX()
    var digest = [UInt8](repeating: 0, count: 16)
    MD5Init(&context)
    MD5Update(&context, bytes, bytes.count)
    MD5Final(&digest, &context)
    return digest
  }

  /// RFC 2104.
  ///
  /// - Parameter key: At most 64 bytes.
  static func hmacMD5(_ key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
    let padded = key + [UInt8](repeating: 0, count: 64 - key.count)
    return md5(padded.map { $0 ^ 0x5C } + md5(padded.map { $0 ^ 0x36 } + bytes))
  }
}
