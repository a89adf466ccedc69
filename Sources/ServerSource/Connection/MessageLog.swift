import CSybDB
import Glibc

/// What the server said.
struct ServerMessage: Hashable, Sendable {
  var number: Int
  var severity: Int
  var state: Int
  var text: String
  var procedure: String
  var line: Int

  /// Severities up to 10 are information.
  var isError: Bool { severity > 10 }
}

/// What db-lib said.
struct LibraryError: Hashable, Sendable {
  var number: Int32
  var severity: Int32
  var text: String
  var systemError: Int32
  var systemText: String
}

/// The messages of one connection, in order. They are heard on the thread that uses the connection.
final class MessageLog {
  private(set) var errors: [ServerMessage] = []
  private(set) var libraryErrors: [LibraryError] = []
  /// What was said with a severity up to 10.
  private(set) var notices: [ServerMessage] = []

  /// A server can say as much as it likes.
  private static let countMax = 32

  /// Whether nothing was heard that is an error; asked after every row.
  private(set) var isEmpty = true

  func add(_ message: ServerMessage) {
    if message.isError {
      isEmpty = false
      if errors.count < Self.countMax { errors.append(message) }
    } else if notices.count < Self.countMax {
      notices.append(message)
    }
  }

  func add(_ error: LibraryError) {
    // The echo of a message that has been heard.
    guard error.number != SYBESMSG else { return }
    isEmpty = false
    if libraryErrors.count < Self.countMax { libraryErrors.append(error) }
  }

  func removeAll() {
    isEmpty = true
    errors.removeAll()
    libraryErrors.removeAll()
    notices.removeAll()
  }
}

// MARK: - Finding the log from a handler

extension MessageLog {
  /// While a connection is being opened it has no user data yet: its log belongs to the thread.
  private static let threadKey: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    return key
  }()

  /// Makes this the log of what is heard on this thread from connections without a log.
  func whileOpening<Value>(_ body: () -> Value) -> Value {
    pthread_setspecific(Self.threadKey, Unmanaged.passUnretained(self).toOpaque())
    defer { pthread_setspecific(Self.threadKey, nil) }
    return body()
  }

  /// - Parameter process: Must outlive neither this log nor its own connection.
  func attach(to process: OpaquePointer) {
    let own = Unmanaged.passUnretained(self).toOpaque()
    dbsetuserdata(process, own.assumingMemoryBound(to: BYTE.self))
  }

  static func current(for process: OpaquePointer?) -> MessageLog? {
    if let process, let own = dbgetuserdata(process) {
      return Unmanaged<MessageLog>.fromOpaque(own).takeUnretainedValue()
    }
    return pthread_getspecific(threadKey).map {
      Unmanaged<MessageLog>.fromOpaque($0).takeUnretainedValue()
    }
  }
}
