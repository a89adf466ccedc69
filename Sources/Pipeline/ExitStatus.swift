import BackupSource
import ServerSource
import Staging
import Target
import Translation

/// How a command ends: the numbers that shell scripts rely on, after sysexits(3).
public enum ExitStatus: Int32, Sendable {
  case done = 0
  /// Done, and rows were rejected as the mapping allows.
  case doneWithRejects = 3
  case usage = 64
  /// The proof found differences.
  case differences = 65
  /// The source cannot be read, or is a kind that is refused.
  case noInput = 66
  /// A server is out of reach.
  case unavailable = 69
  /// A mistake of restage itself.
  case internalError = 70
  /// Nothing can be written: disk full, permissions.
  case cannotWrite = 73
  /// Another run holds the lock, or the time that was given is up: try again later.
  case locked = 75
  /// The schema drifted since the last run.
  case drifted = 76
  /// Authentication, privileges, SQL that is not approved.
  case notAllowed = 77
  case wrongMapping = 78
  /// Ended by SIGINT.
  case interrupted = 130

  /// The status that an error leads to.
  public init(for error: any Error) {
    switch error {
    case let error as PipelineError: self = error.status
    case is BackupError: self = .noInput
    case let error as ServerError: self.init(server: error)
    case let error as StagingError: self.init(staging: error)
    case is MappingError: self = .wrongMapping
    case let error as TargetError: self.init(target: error)
    case is CancellationError: self = .interrupted
    default: self = .internalError
    }
  }

  private init(staging error: StagingError) {
    switch error.code {
    case .cannotWrite, .occupied: self = .cannotWrite
    case .locked: self = .locked
    default: self = .noInput
    }
  }

  private init(server error: ServerError) {
    switch error.code {
    case .badURI: self = .usage
    case .passwordFile, .login, .permission: self = .notAllowed
    case .nameResolution, .unreachable, .tls, .connectionLost, .stalled, .conflict, .program,
      .stateLost:
      self = .unavailable
    default: self = .noInput
    }
  }

  private init(target error: TargetError) {
    switch error.code {
    case .raised where error.sqlstate == "RS007": self = .drifted
    case .raised where error.sqlstate == "RS008": self = .wrongMapping
    case .badURI: self = .usage
    case .unreachable, .connectionLost, .databaseMissing: self = .unavailable
    case .authentication, .privilege, .readOnly: self = .notAllowed
    case .lockTimeout, .conflict: self = .locked
    case .diskFull: self = .cannotWrite
    case .constraint, .raised, .badValue: self = .differences
    case .unreadableFile: self = .noInput
    case .cancelled: self = .interrupted
    default: self = .internalError
    }
  }
}
