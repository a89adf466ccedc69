// Logins by Kerberos ticket. db-lib asks the Kerberos library for a ticket and keeps its answer to itself, so
// the same question is asked once more where a login did not come about.

import CGSSAPI
import Glibc

enum Kerberos {
  /// The name under which the realm knows the server; nil for an instance without one of its own, whose
  /// port db-lib finds out and puts into the name.
  static func service(of address: ServerAddress) -> String? {
    if let name = address.serviceName { return name }
    guard address.instance == nil else { return nil }
    let port = address.port ?? ServerAddress.defaultPort
    return "MSSQLSvc/\(fullName(of: address.host)):\(port)"
  }

  /// A host's name with its domain, as the resolver completes it.
  private static func fullName(of host: String) -> String {
    guard !host.contains("."), !host.contains(":") else { return host }
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_CANONNAME
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &list) == 0 else { return host }
    defer { freeaddrinfo(list) }
    let name = list?.pointee.ai_canonname.map { String(cString: $0) } ?? host
    return name.contains(".") ? name : host
  }

  /// Why there is no ticket.
  struct Refusal {
    let code: ServerError.Code
    /// The library's own words.
    let reason: String
    let advice: String
    /// Whether the realm does not know the server by this name.
    let isUnknownService: Bool
  }

  /// Asks for a ticket as db-lib does.
  ///
  /// - Returns: nil where there is one.
  static func refusal(of service: String) -> Refusal? {
    var minor: OM_uint32 = 0
    var name: gss_name_t?
    var context: gss_ctx_id_t?
    var token = gss_buffer_desc()
    defer {
      var ignored: OM_uint32 = 0
      gss_delete_sec_context(&ignored, &context, nil)
      gss_release_name(&ignored, &name)
      gss_release_buffer(&ignored, &token)
    }
    var bytes = Array(service.utf8)
    var status = bytes.withUnsafeMutableBytes { bytes in
      var buffer = gss_buffer_desc(length: bytes.count, value: bytes.baseAddress)
      return gss_import_name(&minor, &buffer, restage_gss_principal_name(), &name)
    }
    if restage_gss_failed(status) == 0 {
      let flags = OM_uint32(GSS_C_REPLAY_FLAG | GSS_C_INTEG_FLAG | GSS_C_MUTUAL_FLAG)
      status = gss_init_sec_context(
        &minor, nil, &context, name, nil, flags, 0, nil, nil, nil, &token, nil, nil)
    }
    guard restage_gss_failed(status) != 0 else { return nil }
    let reason = text(status, minor)
    let error = Int(Int32(bitPattern: minor))
    let (code, advice) = judgement(error, service)
    return Refusal(
      code: code, reason: reason, advice: advice,
      isUnknownService: error == KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN)
  }

  private static func judgement(_ error: Int, _ service: String) -> (ServerError.Code, String) {
    switch error {
    case KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN:
      (
        .login,
        "register the name for the account that the server runs as (setspn -S \(service) ACCOUNT), "
          + "or name another one with spn in the URI"
      )
    case KRB5KRB_AP_ERR_SKEW:
      (.login, "set the clock of this machine by that of the domain")
    case KRB5_KDC_UNREACH, KRB5_REALM_CANT_RESOLVE, KRB5_REALM_UNKNOWN:
      (.unreachable, "check the realm in krb5.conf (KRB5_CONFIG), DNS and the firewall (port 88)")
    case KRB5_CONFIG_NODEFREALM, KRB5_CONFIG_CANTOPEN, KRB5_CONFIG_BADFORMAT:
      (.login, "set default_realm in /etc/krb5.conf, or in the file that KRB5_CONFIG names")
    default:
      (
        .login,
        "is there a ticket (klist; kinit USER@REALM), or a file of keys (KRB5_CLIENT_KTNAME)?"
      )
    }
  }

  /// What the library says of its last error on this thread.
  private static func text(_ status: OM_uint32, _ minor: OM_uint32) -> String {
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
