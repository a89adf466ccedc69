// A login by Kerberos ticket as a server sees it: the acceptor of GSSAPI (RFC 2743) with the keys of a file.

import CGSSAPI

/// How tickets are checked, and whose are let in.
public struct TicketLogins: Sendable {
  /// The server's own keys.
  public var keytab: String
  /// Users with their realm, "mover@RESTAGE.TEST".
  public var users: Set<String>

  public init(keytab: String, users: Set<String>) {
    self.keytab = keytab
    self.users = users
  }
}

/// A ticket that was good.
struct AcceptedTicket {
  let user: String
  /// With which the server proves that it is the one that the ticket is for.
  let answer: [UInt8]

  /// - Throws: `ProtocolError` with the words of the library.
  init(checking token: [UInt8], _ logins: TicketLogins) throws {
    let keys = try AcceptorKeys(logins.keytab)
    var token = token
    var context: gss_ctx_id_t?
    var name: gss_name_t?
    var answer = gss_buffer_desc()
    var minor: OM_uint32 = 0
    defer {
      var ignored: OM_uint32 = 0
      gss_delete_sec_context(&ignored, &context, nil)
      gss_release_name(&ignored, &name)
      gss_release_buffer(&ignored, &answer)
    }
    let status = token.withUnsafeMutableBytes { bytes in
      var buffer = gss_buffer_desc(length: bytes.count, value: bytes.baseAddress)
      return gss_accept_sec_context(
        &minor, &context, keys.handle, &buffer, nil, &name, nil, &answer, nil, nil, nil)
    }
    // Kerberos by itself needs no second token of the client.
    guard status == GSS_S_COMPLETE else {
      throw ProtocolError("the ticket is refused: \(Self.text(status, minor))")
    }
    self.answer = Array(UnsafeRawBufferPointer(start: answer.value, count: answer.length))
    var text = gss_buffer_desc()
    defer { gss_release_buffer(&minor, &text) }
    guard gss_display_name(&minor, name, &text, nil) == GSS_S_COMPLETE else {
      throw ProtocolError("the ticket's user has no name")
    }
    user = String(
      decoding: UnsafeRawBufferPointer(start: text.value, count: text.length), as: UTF8.self)
  }

  fileprivate static func text(_ status: OM_uint32, _ minor: OM_uint32) -> String {
    var ignored: OM_uint32 = 0
    var more: OM_uint32 = 0
    var text = gss_buffer_desc()
    defer { gss_release_buffer(&ignored, &text) }
    let (value, kind) = minor == 0 ? (status, GSS_C_GSS_CODE) : (minor, GSS_C_MECH_CODE)
    gss_display_status(&ignored, value, kind, restage_gss_kerberos(), &more, &text)
    return String(
      decoding: UnsafeRawBufferPointer(start: text.value, count: text.length), as: UTF8.self)
  }
}

/// What a server proves itself with.
private struct AcceptorKeys: ~Copyable {
  let handle: gss_cred_id_t?

  init(_ keytab: String) throws {
    var minor: OM_uint32 = 0
    var handle: gss_cred_id_t?
    let status = "keytab".withCString { keytabKey in
      "FILE:\(keytab)".withCString { file in
        "rcache".withCString { replayKey in
          // Nothing is kept about tickets that were seen: it would lie in a folder of the system.
          "none:".withCString { none in
            var pairs = [
              gss_key_value_element_desc(key: keytabKey, value: file),
              gss_key_value_element_desc(key: replayKey, value: none),
            ]
            return pairs.withUnsafeMutableBufferPointer { pairs in
              var store = gss_key_value_set_desc(
                count: OM_uint32(pairs.count), elements: pairs.baseAddress)
              return gss_acquire_cred_from(
                &minor, nil, 0, nil, GSS_C_ACCEPT, &store, &handle, nil, nil)
            }
          }
        }
      }
    }
    guard status == GSS_S_COMPLETE else {
      throw ProtocolError("no keys of a server: \(AcceptedTicket.text(status, minor))")
    }
    self.handle = handle
  }

  deinit {
    var minor: OM_uint32 = 0
    var handle = handle
    gss_release_cred(&minor, &handle)
  }
}
