// A server whose rows change while it is read, and of which database snapshots can be made.

public import BackupFixtures
import Catalog
import NIOConcurrencyHelpers

/// Answers as `DatabaseAnswers` do, from a description that changes between batches.
///
/// It makes database snapshots and drops them as SQL Server does: a snapshot keeps the description as it
/// was, is not dropped while a connection has it open, and outlives every connection. Application locks
/// go with their session.
public final class LiveDatabase: Sendable {
  private let state: NIOLockedValueBox<State>
  private let onBatch: @Sendable (Batch, inout DatabaseAnswers) -> Void

  private struct State {
    var answers: DatabaseAnswers
    var changes = ChangeLog()
    var snapshots: [String: DatabaseAnswers] = [:]
    /// Connections by the lock that they hold.
    var locks: [String: Int] = [:]
    /// Databases that connections have open.
    var open: [Int: String] = [:]
    var files: Set<String> = []
    var creationRefusal: ServerMessage?
    var created: [String] = []
  }

  /// - Parameter onBatch: Sees every batch before it is answered, and may change what is there.
  public init(
    _ answers: DatabaseAnswers,
    onBatch: @escaping @Sendable (Batch, inout DatabaseAnswers) -> Void = { _, _ in }
  ) {
    state = NIOLockedValueBox(State(answers: answers))
    self.onBatch = onBatch
  }

  public func serve(faults: FaultPlan = FaultPlan()) throws -> TDSServer {
    let name = state.withLockedValue { $0.answers.database.catalog.name }
    var configuration = TDSServer.Configuration(databases: [name])
    configuration.hasDatabase = { [self] name in
      state.withLockedValue { $0.snapshots[name] != nil }
    }
    configuration.onEnd = { [self] connection in end(connection) }
    return try TDSServer(configuration, faults: faults) { [self] in try response($0) }
  }

  /// Database snapshots that are there now.
  public var snapshots: [String] { state.withLockedValue { $0.snapshots.keys.sorted() } }

  /// Database snapshots that were ever made.
  public var created: [String] { state.withLockedValue { $0.created } }

  /// Answers every CREATE DATABASE with an error.
  public func refuseSnapshots(_ message: ServerMessage) {
    state.withLockedValue { $0.creationRefusal = message }
  }

  /// Changes what is there.
  public func update(_ body: (inout FixtureDatabase, inout ChangeLog) -> Void) {
    state.withLockedValue { body(&$0.answers.database, &$0.changes) }
  }

  /// Puts a snapshot there that nobody holds.
  public func leave(snapshot name: String) {
    state.withLockedValue { $0.snapshots[name] = $0.answers }
  }

  private func end(_ connection: Int) {
    state.withLockedValue { state in
      state.open[connection] = nil
      state.locks = state.locks.filter { $0.value != connection }
    }
  }

  private func response(_ batch: Batch) throws -> Response {
    let (found, changes) = state.withLockedValue { state -> (DatabaseAnswers, ChangeLog) in
      onBatch(batch, &state.answers)
      state.open[batch.session.connection] = batch.session.database
      return (state.snapshots[batch.session.database] ?? state.answers, state.changes)
    }
    let answers = found
    let tokens = try SQLTokens.tokens(of: batch.text)
    switch batch.name {
    case "database snapshot": return try create(tokens, batch)
    case "database snapshot dropped": return try drop(tokens)
    case "database snapshot made", "database snapshots left behind":
      return Response(known(as: batch.name, tokens))
    case "database snapshot lock": return Response(lock(tokens, batch.session.connection))
    case "database snapshot unlock":
      state.withLockedValue { $0.locks[tokens.firstText ?? ""] = nil }
      return Response([.statement(rowCount: nil)])
    case "database files":
      return Response(
        ResultSet(
          [
            ResultColumn("logical_name", "nvarchar(128)"),
            ResultColumn("physical_name", "nvarchar(260)"),
          ],
          rows: [
            [.text("Shop's data"), .text("D:\\Data\\shop.mdf")], [.text("b"), .text("E:\\b.ndf")],
          ]
        ))
    default:
      if let answer = try changes.answer(batch, answers.database) { return Response(answer) }
      let narrowed = try changes.narrowed(batch, answers.database)
      var answers = answers
      answers.database = narrowed.database
      return try answers.response(narrowed.batch)
    }
  }

  /// `CREATE DATABASE [name] ON (NAME = …, FILENAME = …), … AS SNAPSHOT OF [database]`
  private func create(_ tokens: [SpelledToken], _ batch: Batch) throws -> Response {
    let words = tokens.map(\.token)
    guard words.count > 4, Array(words[..<2]) == [.word("CREATE"), .word("DATABASE")],
      case .name(let name) = words[2], words.dropLast().contains(.word("SNAPSHOT")),
      let source = tokens.dropLast().last?.name
    else { throw ServerMessage(102, severity: 15, "Incorrect syntax in CREATE DATABASE.") }
    guard batch.session.transaction == nil else {
      throw ServerMessage(
        226, "CREATE DATABASE statement not allowed within multi-statement transaction.")
    }
    let texts = words.compactMap { if case .text(let text) = $0 { text } else { nil } }
    try state.withLockedValue { state in
      if let refusal = state.creationRefusal { throw refusal }
      guard source == state.answers.database.catalog.name else {
        throw ServerMessage(911, "Database '\(source)' does not exist.")
      }
      guard state.snapshots[name] == nil else {
        throw ServerMessage(1801, "Database '\(name)' already exists.")
      }
      guard texts.count == 4, [texts[0], texts[2]] == ["Shop's data", "b"],
        texts[1].hasPrefix("D:\\Data\\"), texts[3].hasPrefix("E:\\"),
        state.files.isDisjoint(with: [texts[1], texts[3]])
      else {
        throw ServerMessage(5127, "All files must be specified for database snapshot creation.")
      }
      state.files.formUnion([texts[1], texts[3]])
      state.snapshots[name] = state.answers
      state.created.append(name)
    }
    return Response([.statement(rowCount: nil)])
  }

  private func drop(_ tokens: [SpelledToken]) throws -> Response {
    guard let name = tokens.dropLast().last?.name, tokens.firstText == name else {
      throw ServerMessage(102, severity: 15, "Incorrect syntax in DROP DATABASE.")
    }
    try state.withLockedValue { state in
      if state.open.values.contains(name) {
        throw ServerMessage(
          3702, "Cannot drop database \"\(name)\" because it is currently in use.")
      }
      state.snapshots[name] = nil
    }
    return Response([.statement(rowCount: nil)])
  }

  private func known(as question: String, _ tokens: [SpelledToken]) -> ResultSet {
    let wanted = question == "database snapshot made" ? tokens.firstText : nil
    let rows = snapshots.filter { wanted == nil || $0 == wanted }.map { name -> [FixtureValue] in
      let created = FixtureValue.text("2026-01-31T04:00:00.123")
      return wanted == nil ? [.text(name), created] : [created]
    }
    let columns = [
      ResultColumn("snapshot_name", "nvarchar(128)"), ResultColumn("created", "nvarchar(30)"),
    ]
    return ResultSet(wanted == nil ? columns : [columns[1]], rows: rows)
  }

  private func lock(_ tokens: [SpelledToken], _ connection: Int) -> ResultSet {
    let result = state.withLockedValue { state -> Int64 in
      let name = tokens.firstText ?? ""
      if let holder = state.locks[name], holder != connection { return -1 }
      state.locks[name] = connection
      return 0
    }
    return ResultSet([ResultColumn("lock_result", "int")], rows: [[.integer(result)]])
  }
}

extension [SpelledToken] {
  /// The first literal.
  fileprivate var firstText: String? {
    for token in self { if case .text(let text) = token.token { return text } }
    return nil
  }
}
