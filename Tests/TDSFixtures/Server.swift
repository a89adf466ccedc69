// A TDS server on a loopback port, whose answers a test writes.

import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL

/// A server that speaks TDS 7.3 and 7.4 as SQL Server does, for clients in the same test.
///
/// It runs on one thread of its own from `init` to `stop`. Answers are made on that thread, so they
/// come one after another, whatever the number of connections.
public final class TDSServer: Sendable {
  /// The port on 127.0.0.1.
  public let port: Int
  private let core: ServerCore
  private let group: MultiThreadedEventLoopGroup

  public struct Configuration: Sendable {
    /// Passwords of users.
    public var users: [String: String]
    /// Databases that a login can name; the first is the one of a login that names none.
    public var databases: [String]
    public var encryption: ServerEncryption
    /// Logins by Kerberos; nil where the server is in no domain.
    public var tickets: TicketLogins?
    /// Whether a database is there that came later than `databases`.
    public var hasDatabase: @Sendable (String) -> Bool = { _ in false }
    /// Called with its number when a connection is gone.
    public var onEnd: @Sendable (Int) -> Void = { _ in }

    public init(
      users: [String: String] = ["sa": "Pässword1"], databases: [String] = ["master"],
      encryption: ServerEncryption = .unavailable
    ) {
      self.users = users
      self.databases = databases
      self.encryption = encryption
    }
  }

  /// Starts to listen.
  ///
  /// - Parameters:
  ///   - port: 0 for any that is free.
  ///   - answer: Makes the response to a batch. Statements like `USE`, `SET` and `BEGIN TRANSACTION`
  ///     at the start of a batch are answered before. Whatever it throws becomes an ERROR.
  public init(
    port: Int = 0, _ configuration: Configuration = Configuration(),
    faults: FaultPlan = FaultPlan(), answer: @escaping @Sendable (Batch) throws -> Response
  ) throws {
    let core = try ServerCore(configuration, faults, answer)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 64)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try core.take(channel) }
      }
    do {
      let channel = try bootstrap.bind(host: "127.0.0.1", port: port).wait()
      core.listener.withLockedValue { $0 = channel }
      self.port = channel.localAddress?.port ?? 0
    } catch {
      try? group.syncShutdownGracefully()
      throw error
    }
    self.core = core
    self.group = group
  }

  deinit { stop() }

  /// Closes the port and every connection, and ends the server's thread.
  public func stop() {
    try? group.syncShutdownGracefully()
  }

  /// Texts of the batches so far, in the order in which they came.
  public var batches: [String] { core.batches }

  /// Connections so far.
  public var connectionCount: Int { core.connectionCount }

  /// What clients did that the protocol does not allow, and broken connections.
  public var notes: [String] { core.notes }
}

/// What the connections of a server share.
final class ServerCore: Sendable {
  let name = "FIXTURE"
  let configuration: TDSServer.Configuration
  let tls: NIOSSLContext?
  let faults: FaultPlan
  let faultCounter: FaultCounter
  let answer: @Sendable (Batch) throws -> Response
  let listener = NIOLockedValueBox<(any Channel)?>(nil)
  private let record = NIOLockedValueBox(Record())

  private struct Record {
    var batches: [String] = []
    var connectionCount = 0
    var channels: [any Channel] = []
    var loginCount = 0
    var loginAttemptCount = 0
    var notes: [String] = []
  }

  init(
    _ configuration: TDSServer.Configuration, _ faults: FaultPlan,
    _ answer: @escaping @Sendable (Batch) throws -> Response
  ) throws {
    self.configuration = configuration
    self.faults = faults
    self.answer = answer
    faultCounter = FaultCounter(faults)
    tls = try configuration.encryption.certificate.map(TLSTunnel.makeContext)
  }

  func has(database: String) -> Bool {
    configuration.databases.contains(database) || configuration.hasDatabase(database)
  }

  /// Gives a new connection its session.
  func take(_ channel: any Channel) throws {
    let number = record.withLockedValue {
      $0.connectionCount += 1
      $0.channels.append(channel)
      return $0.connectionCount
    }
    let session = Session(self, connection: number)
    try channel.pipeline.syncOperations.addHandlers([
      ByteToMessageHandler(
        MessageDecoder { [unowned session] in session.packetByteCountMax }),
      session,
    ])
  }

  /// - Returns: What the plan answers this login with, if anything.
  func refusalOfNextLogin() -> ServerMessage? {
    let number = record.withLockedValue {
      $0.loginAttemptCount += 1
      return $0.loginAttemptCount
    }
    return faults.loginRefusal ?? faults.loginRefusals[number]
  }

  /// Closes the port after the last login that the plan allows, and other connections where it says so.
  func countLogin(_ channel: any Channel) {
    let count = record.withLockedValue {
      $0.loginCount += 1
      return $0.loginCount
    }
    if count == faults.closesOthersAtLogin {
      for other in record.withLockedValue({ $0.channels }) where other !== channel {
        // Closed before the login is answered, whichever thread it belongs to.
        let isClosed = other.close()
        if !other.eventLoop.inEventLoop { try? isClosed.wait() }
      }
    }
    if count == faults.loginCountMax { listener.withLockedValue { $0?.close(promise: nil) } }
  }

  /// - Returns: The number of the batch, from 1.
  func count(batch: String) -> Int {
    record.withLockedValue {
      $0.batches.append(batch)
      return $0.batches.count
    }
  }

  func note(_ text: String) { record.withLockedValue { $0.notes.append(text) } }

  var batches: [String] { record.withLockedValue { $0.batches } }
  var batchCount: Int { record.withLockedValue { $0.batches.count } }
  var connectionCount: Int { record.withLockedValue { $0.connectionCount } }
  var notes: [String] { record.withLockedValue { $0.notes } }
}
