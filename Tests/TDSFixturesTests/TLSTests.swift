import BackupFixtures
import Foundation
import TDSFixtures
import TestSupport
import Testing

/// A certificate for `localhost` that lives as long as the tests.
struct TestCertificate {
  static let shared = Result { try TestCertificate() }

  let folder: TemporaryFolder
  var certificateFile: String { "\(folder.path)/certificate.pem" }
  var server: ServerEncryption.Certificate {
    .init(certificateFile: certificateFile, keyFile: "\(folder.path)/key.pem")
  }

  struct Failure: Error { let description: String }

  init() throws {
    folder = try TemporaryFolder()
    let made = try Shell.run(
      "openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        "-keyout", "\(folder.path)/key.pem", "-out", "\(folder.path)/certificate.pem",
      ])
    guard made.status == 0 else { throw Failure(description: made.errors) }
  }
}

@Suite("TLS")
struct TLSTests {
  private func server(
    _ encryption: (ServerEncryption.Certificate) -> ServerEncryption
  ) throws -> TDSServer {
    let certificate = try TestCertificate.shared.get().server
    return try TDSServer(
      .init(encryption: encryption(certificate)), answer: LoginTests.describe)
  }

  private let plain = "sa master 74000004 4096 false\n"
  private let encrypted = "sa master 74000004 4096 true\n"

  @Test("a server that can do TLS lets everybody in as he asks")
  func optional() throws {
    let server = try server { .optional($0) }
    for (wish, expected) in [("off", plain), ("request", plain), ("require", encrypted)] {
      let outcome = try FreeTDS(server, settings: ["encryption = \(wish)"]).bsqldb("SELECT 1")
      #expect(outcome.output == expected, "encryption = \(wish): \(outcome.errors)")
    }
    #expect(server.notes == [])
  }

  @Test("a server that requires TLS lets nobody in without")
  func required() throws {
    let server = try server { .required($0) }
    for wish in ["request", "require"] {
      let outcome = try FreeTDS(server, settings: ["encryption = \(wish)"]).bsqldb("SELECT 1")
      #expect(outcome.output == encrypted, "encryption = \(wish): \(outcome.errors)")
    }
    let outcome = try FreeTDS(server, settings: ["encryption = off"]).bsqldb("SELECT 1")
    #expect(!outcome.output.contains("sa master") && outcome.status != 0)
    #expect(server.batches.count == 2)
  }

  @Test("a client that requires TLS does not log in without")
  func unavailable() throws {
    let server = try TDSServer(answer: LoginTests.describe)
    let outcome = try FreeTDS(server, settings: ["encryption = require"]).bsqldb("SELECT 1")
    #expect(!outcome.output.contains("sa master") && outcome.status != 0)
    #expect(server.batches == [])
  }

  @Test("the certificate is trusted by its file, and by no other")
  func certificates() throws {
    let server = try server { .required($0) }
    let file = try TestCertificate.shared.get().certificateFile
    let trusting = ["encryption = require", "ca file = \(file)", "check certificate hostname = no"]
    #expect(try FreeTDS(server, settings: trusting).bsqldb("SELECT 1").output == encrypted)
    let other = try TestCertificate()
    let wary = [
      "encryption = require", "ca file = \(other.certificateFile)",
      "check certificate hostname = no",
    ]
    #expect(try FreeTDS(server, settings: wary).bsqldb("SELECT 1").status != 0)
    #expect(server.batches.count == 1)
  }

  @Test("large answers come through TLS whole")
  func largeAnswer() throws {
    let certificate = try TestCertificate.shared.get().server
    let server = try TDSServer(.init(encryption: .required(certificate))) { _ in
      Response(
        ResultSet([ResultColumn("t", "nvarchar(max)")], rowCount: 50) { row in
          [.text(String(repeating: "\(row % 10)", count: 40_000))]
        })
    }
    let outcome = try FreeTDS(server, settings: ["encryption = require"])
      .tsql("SET TEXTSIZE -1\nSELECT 1", options: ["-o", "fhq"])
    #expect(outcome.output.utf8.count == 50 * 40_001)
  }
}
