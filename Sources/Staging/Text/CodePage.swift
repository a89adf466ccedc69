/// A code page in which SQL Server stores char, varchar and text.
public final class CodePage: Sendable {
  /// All that a collation of SQL Server can have.
  public static let numbers = [
    437, 850, 874, 932, 936, 949, 950, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258, 65001,
  ]

  /// ASCII only: any byte above 0x7F makes the row an error that names the collation.
  public static let ascii = CodePage(decoder: .ascii)

  let decoder: TextDecoder

  /// - Parameter number: Windows code page (1252, 932, 65001 …).
  /// - Returns: nil when there is no such code page here: it is not in `numbers`, or the C library
  ///   comes without its table (gconv modules).
  public convenience init?(number: Int) {
    guard let decoder = Self.decoders.withLock({ $0.decoder(number) }) else { return nil }
    self.init(decoder: decoder)
  }

  private init(decoder: TextDecoder) {
    self.decoder = decoder
  }

  public var number: Int { decoder.codePage }

  private static let decoders = Locked(Decoders())

  /// Each page's tables are built once in a process.
  private struct Decoders {
    private var known: [Int: TextDecoder] = [65001: .utf8]

    mutating func decoder(_ number: Int) -> TextDecoder? {
      if let decoder = known[number] { return decoder }
      guard CodePage.numbers.contains(number), let tables = CodePageTables(codePage: number) else {
        return nil
      }
      let decoder = TextDecoder(
        kind: tables.hasLeads ? .double : .single, codePage: number, tables: tables)
      known[number] = decoder
      return decoder
    }
  }
}
