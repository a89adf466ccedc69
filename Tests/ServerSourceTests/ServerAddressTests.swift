import Foundation
import Testing

@testable import ServerSource

struct ServerAddressTests {
  @Test("a URI names user, host, port and database")
  func plain() throws {
    let address = try ServerAddress("mssql://sa@db.example.com:14330/Northwind")
    #expect(address.user == "sa")
    #expect(address.host == "db.example.com")
    #expect(address.port == 14330)
    #expect(address.database == "Northwind")
    #expect(address.encryption == .request)
    #expect(address.trust == .anyone)
    #expect(address.label == "db.example.com:14330/Northwind")
  }

  @Test("names are percent-decoded, whatever is in them")
  func encodedNames() throws {
    let address = try ServerAddress("MSSQL://DOM%5Cjo%C3%A3o%40x%3A@h/a%2Fb%20%5D%27%3F%C3%91")
    #expect(address.user == "DOM\\joão@x:")
    #expect(address.database == "a/b ]'?Ñ")
    #expect(address.label == "h:1433/a/b ]'?Ñ")
  }

  @Test("with Kerberos the user is the ticket's")
  func kerberos() throws {
    let address = try ServerAddress("mssql://db.example.com:1500/Shop?auth=kerberos")
    #expect(address.authentication == .kerberos)
    #expect(address.user == "" && address.host == "db.example.com" && address.port == 1500)
    #expect(address.serviceName == nil)
    let name = "MSSQLSvc/listener.example.com:1433@OTHER.EXAMPLE.COM"
    #expect(try ServerAddress("mssql://h/d?auth=kerberos&spn=\(name)").serviceName == name)
    let service = "mssql://h/d?auth=kerberos&spn="
    for uri in [
      "mssql://u@h/d?auth=kerberos", "mssql://h/d", "mssql://u@h/d?auth=ntlm",
      "mssql://u@h/d?spn=MSSQLSvc/h:1", service, service + "MSSQLSvc", service + "/h",
      service + "MSSQLSvc/", service + "MSSQLSvc/h%0Ahost", service + "MSSQLSvc/h%20%3B",
    ] {
      #expect(throws: ServerError.self) { try ServerAddress(uri) }
    }
  }

  @Test(
    "the realm knows the server by host and port, unless it is named",
    arguments: [
      ("db.example.com", "MSSQLSvc/db.example.com:1433"),
      ("db.example.com:1500", "MSSQLSvc/db.example.com:1500"), ("[::1]", "MSSQLSvc/::1:1433"),
      ("db.example.com%5CINST", nil),
    ])
  func serviceName(_ host: String, _ service: String?) throws {
    let uri = "mssql://\(host)/d?auth=kerberos"
    #expect(Kerberos.service(of: try ServerAddress(uri)) == service)
    let named = try ServerAddress(uri + "&spn=MSSQLSvc/other:1")
    #expect(Kerberos.service(of: named) == "MSSQLSvc/other:1")
  }

  @Test("an IPv6 address stands in brackets")
  func ipv6() throws {
    let address = try ServerAddress("mssql://u@[fe80::1%25eth0]:1/d")
    #expect(address.host == "fe80::1%eth0")
    #expect(address.port == 1)
    #expect(try ServerAddress("mssql://u@[::1]/d").label == "[::1]:1433/d")
  }

  @Test(
    "an instance is named behind the host or as an option",
    arguments: [
      "mssql://u@h\\SQLEXPRESS/d", "mssql://u@h%5CSQLEXPRESS/d", "mssql://u@h%5cSQLEXPRESS/d",
      "mssql://u@h/d?instance=SQLEXPRESS",
    ])
  func instance(_ uri: String) throws {
    let address = try ServerAddress(uri)
    #expect(address.host == "h")
    #expect(address.instance == "SQLEXPRESS")
    #expect(address.port == nil)
    #expect(address.label == "h\\SQLEXPRESS/d")
  }

  @Test("options are read")
  func options() throws {
    let address = try ServerAddress(
      "mssql://u@h/d?encrypt=request&ca=%2Fetc%2Fca%20x.pem&check_host=no&tds=7.3&intent=read"
        + "&login_timeout=3&stall_timeout=4")
    #expect(address.trust == .authorities(file: "/etc/ca x.pem"))
    // Otherwise a server without TLS would pass for one whose certificate was checked.
    #expect(address.encryption == .require)
    #expect(!address.checksHost)
    #expect(address.usesTDS73)
    #expect(address.isReadOnlyIntent)
    #expect(address.limits.loginSeconds == 3)
    #expect(address.limits.stallSeconds == 4)
    #expect(try ServerAddress("mssql://u@h/d?ca=system").trust == .system)
  }

  @Test("a password in the URI is refused and not repeated")
  func password() {
    for uri in [
      "mssql://sa:s3cret@h/d", "mssql://sa:s3cret@h", "mssql://sa:s3/cret@h/d",
      "mssql://sa:s3@cret@h/d", "mssql://sa:s3?encrypt=cret@h/d", "mssql://sa:s3#cret@h/d",
      "mssql://sa@h/d?password=s3cret", "mssql://sa@h:s3cret/d",
    ] {
      let error = #expect(throws: ServerError.self) { try ServerAddress(uri) }
      #expect(error?.code == .badURI)
      #expect(error.map { !"\($0)".contains("cret") } ?? false, "\(uri)")
      #expect(error.map { !"\($0)".contains("s3") } ?? false, "\(uri)")
    }
    #expect(throws: ServerError.self) { try ServerAddress("mssql://sa:x@h/d") }
  }

  @Test(
    "what is no URI is refused",
    arguments: [
      "mssql://", "mssql://h/d", "mssql://@h/d", "mssql://u@/d", "mssql://u@h", "mssql://u@h/",
      "mssql://u@h:0/d", "mssql://u@h:65536/d", "mssql://u@h:1x/d", "mssql://u@h:/d",
      "mssql://u@h:+1/d", "mssql://u@h h/d", "mssql://u@h;x/d", "mssql://u@h\nencryption=off/d",
      "mssql://u@[::1/d", "mssql://u@[h]/d", "mssql://u@[::1]x/d", "mssql://u@h/d?encrypt",
      "mssql://u@h/d?encrypt=maybe", "mssql://u@h/d?nonsense=1", "mssql://u@h/d?tds=5.0",
      "mssql://u@h/d?ca=x&ca=y", "mssql://u@h/d?ca=x&encrypt=off", "mssql://u@h:1/d?instance=i",
      "mssql://u@h%5Ca%0Ab/d", "mssql://u@h/d?instance=a;b", "mssql://u@h/%zz", "mssql://u@h/%ff",
      "mssql://u@h/%00", "mssql://u@h/d?login_timeout=0", "mssql://u@h/a/b",
    ])
  func refused(_ uri: String) {
    let error = #expect(throws: ServerError.self) { try ServerAddress(uri) }
    #expect(error?.code == .badURI)
  }

  @Test("a host too long for a configuration line is refused")
  func longHost() {
    let long = String(repeating: "a", count: 201)
    #expect(throws: ServerError.self) { try ServerAddress("mssql://u@\(long)/d") }
    #expect(throws: ServerError.self) { try ServerAddress("mssql://u@h/\(long)") }
  }
}

struct PasswordTests {
  private func file(_ contents: String, mode: Int) throws -> String {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    try Data(contents.utf8).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    return path
  }

  @Test("the first line of a private file is the password")
  func privateFile() throws {
    let path = try file(" pässword \r\nsecond\n", mode: 0o600)
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(try Password.read(file: path) == " pässword ")
  }

  @Test("a file that others may read is refused", arguments: [0o640, 0o604, 0o620, 0o777])
  func openFile(_ mode: Int) throws {
    let path = try file("password\n", mode: mode)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let error = #expect(throws: ServerError.self) { try Password.read(file: path) }
    #expect(error?.code == .passwordFile)
    #expect(error?.description.contains("chmod 600") == true)
  }

  @Test("an empty or missing file, or a folder, is refused")
  func noFile() throws {
    let path = try file("\n", mode: 0o600)
    defer { try? FileManager.default.removeItem(atPath: path) }
    for wrong in [path, path + ".missing", "/tmp", "/dev/null"] {
      let error = #expect(throws: ServerError.self) { try Password.read(file: wrong) }
      #expect(error?.code == .passwordFile)
    }
  }

  @Test("a login that failed without a password says so, another error does not")
  func noPassword() {
    let login = ServerError(
      .login, server: "h", problem: "Login failed", advice: "check", number: 18456)
    #expect(
      login.withoutPassword.description == """
        h: Login failed, and no password was given (RESTAGE_SOURCE_PASSWORD or --password-file); check
        """)
    #expect(login.withoutPassword.number == 18456)
    let other = ServerError(.unreachable, server: "h", problem: "no route")
    #expect(other.withoutPassword.description == other.description)
  }
}
