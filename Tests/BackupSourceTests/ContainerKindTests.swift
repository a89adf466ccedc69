import TestSupport
import Testing

@testable import BackupSource

@Suite("containers: kinds of file")
struct ContainerKindTests {
  @Test(
    "a file that is no backup is named, with what to give instead",
    arguments: [
      ("", "is empty", "fetch the file again"),
      ("PK\u{3}\u{4}rest of a zip", "zip archive or a bacpac", "unpack it"),
      ("PGDMP\u{1}\u{e}", "a PostgreSQL dump", "pg_restore"),
      ("--\n-- PostgreSQL", "is plain text", "give a .bak"),
      ("-- PostgreSQL database dump\n", "a PostgreSQL dump as SQL", "psql"),
      ("\n  <!DOCTYPE html><html>", "a web page", "download the file itself"),
      ("<HTML><head>", "a web page", "download the file itself"),
      ("version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer", "git lfs pull"),
      ("<?xml version=\"1.0\"?>", "an XML document", "give a .bak"),
      ("%PDF-1.7", "a PDF document", "give a .bak"),
      ("SQLite format 3\0", "an SQLite database", "give a .bak"),
      ("Rar!\u{1A}\u{7}\u{0}", "a RAR archive", "unpack it"),
      ("BZh91AY", "a bzip2 archive", "unpack it"),
      ("CREATE TABLE dbo.t (id int);\r\nGO", "is plain text", "give a .bak"),
      ("\0\0\0\0\0\0\0\0", "begins with zeros only", "fetch the file again"),
      ("\u{1}\u{2}\u{3}\u{4}", "begins with 01 02 03 04", "BACKUP DATABASE"),
    ])
  func refusal(start: String, problem: String, advice: String) throws {
    try expectRefusal(Array(start.utf8), problem, advice)
  }

  @Test(
    "signatures that are no text are known too",
    arguments: [
      ([0x1F, 0x8B, 8], "a gzip archive"), ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive"),
      ([0x89, 0x50, 0x4E, 0x47, 0x0D], "a PNG picture"), ([0xFF, 0xD8, 0xFF, 0xE0], "a JPEG"),
      ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "an xz archive"),
      ([0xEF, 0xBB, 0xBF, 0x3C, 0x68, 0x74, 0x6D, 0x6C, 0x3E], "a web page"),
    ] as [([UInt8], String)])
  func binaryRefusal(start: [UInt8], problem: String) throws {
    try expectRefusal(start, problem, "")
  }

  private func expectRefusal(_ start: [UInt8], _ problem: String, _ advice: String) throws {
    let stream = MemoryStream(start, named: "shop.bak")
    let error = try #require(throws: BackupError.self) { try BackupFile.open([stream]) }
    #expect(error.code == .notABackup)
    #expect(error.file == "shop.bak")
    #expect(error.problem.contains(problem), "\(error)")
    #expect(error.advice?.contains(advice.isEmpty ? " " : advice) ?? false, "\(error)")
    #expect(!error.description.contains("\n"))
  }

  @Test("a file, a missing file, a folder and a pipe", .enabled(if: SharedData.isThere))
  func paths() throws {
    let bacpac = try SharedData.path("bacpac/pubs.bacpac")
    #expect(try FileKind.of(path: bacpac) == .zip)
    #expect(try FileKind.of(path: SharedData.path("mdf/pubs-2008.mdf")) == .dataFile)
    #expect(try FileKind.of(path: SharedData.path("bak/pubs-2012.bak")) == .backup)
    let compressed = try SharedData.path("bak/tutorialdb-2016-compressed.bak")
    #expect(try FileKind.of(path: compressed) == .compressedBackup)
    for (path, problem) in [
      ("/nowhere/shop.bak", "there is no such file"), ("/tmp", "is not a regular file"),
      ("/dev/null", "is not a regular file"), ("", "there is no such file"),
    ] {
      let error = try #require(throws: BackupError.self) { try BackupFile.open(path) }
      #expect(error.code == .unreadable)
      #expect(error.problem == problem)
      #expect(!error.file.contains("/"))
    }
  }
}

@Suite("containers: the SOURCE text")
struct ContainerSourceTextTests {
  @Test(
    "names with commas and plus signs are taken as they exist",
    arguments: [
      ("a.bak", ["a.bak"], ["a.bak"], []),
      ("a.bak,b.bak", ["a.bak", "b.bak"], ["a.bak", "b.bak"], []),
      ("f.bak+d.bak", ["f.bak", "d.bak"], ["f.bak"], ["d.bak"]),
      ("a,b+c.bak", ["a,b+c.bak", "a", "b+c.bak"], ["a,b+c.bak"], []),
      ("a,1.bak,a,2.bak", ["a,1.bak", "a,2.bak"], ["a,1.bak", "a,2.bak"], []),
      ("x+y.bak+d+1.bak", ["x+y.bak", "d+1.bak"], ["x+y.bak"], ["d+1.bak"]),
      (
        "1.bak,2.bak+3.bak,4.bak", ["1.bak", "2.bak", "3.bak", "4.bak"], ["1.bak", "2.bak"],
        ["3.bak", "4.bak"]
      ),
    ] as [(String, Set<String>, [String], [String])])
  func splits(text: String, files: Set<String>, base: [String], differential: [String]) throws {
    let source = try SourceFiles(text, exists: files.contains)
    #expect(source.base == base)
    #expect(source.differential == differential)
  }

  @Test("the part that does not exist is named, without its folder")
  func missing() throws {
    let error = try #require(throws: BackupError.self) {
      try SourceFiles("/srv/a.bak,/srv/b.bak", exists: { $0 == "/srv/a.bak" })
    }
    #expect(error.description == "b.bak: there is no such file; check the path")
    #expect(throws: BackupError.self) {
      try SourceFiles(String(repeating: "a,", count: 5000), exists: { $0 == "a" })
    }
  }
}
