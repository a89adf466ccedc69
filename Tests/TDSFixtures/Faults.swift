// How a server misbehaves: always the same way for the same plan.

import NIOConcurrencyHelpers

/// What is done to the answer of a batch. Rows are counted over all result sets of the answer.
public enum Fault: Sendable, Hashable {
  /// The connection is reset in the middle of the row that follows so many.
  case reset(afterRows: Int)
  /// The connection is closed in the middle of a row, at the end of a packet.
  case close(afterRows: Int)
  /// A packet stops before the length that it promised, and the connection is closed.
  case truncatedPacket(afterRows: Int)
  /// Nothing more is sent until the client interrupts or leaves.
  case stall(afterRows: Int)
  /// An ERROR, and the end of the answer.
  case error(number: Int, severity: Int, text: String, afterRows: Int)
  /// DONE counts so many rows more than there were.
  case wrongRowCount(by: Int)
  /// DONE says that there was an error, without any ERROR before it.
  case doneWithError
  /// DONE does not count at all.
  case doneWithoutCount
  /// The message ends after so many rows, without DONE.
  case noDone(afterRows: Int)
  /// At most so many rows of each result set, and a DONE that counts just those, as if there had
  /// never been more.
  case fewerRows(Int)
  /// Everything comes in pieces of a few bytes.
  case drip(byteCount: Int, milliseconds: Int)

  /// The row before which the fault strikes.
  var rowNumber: Int? {
    switch self {
    case .reset(let rows), .close(let rows), .truncatedPacket(let rows), .stall(let rows),
      .noDone(let rows), .error(_, _, _, let rows):
      rows
    case .wrongRowCount, .doneWithError, .doneWithoutCount, .fewerRows, .drip: nil
    }
  }
}

/// Which answers are spoilt, and what else goes wrong.
public struct FaultPlan: Sendable {
  /// After so many logins the port is closed.
  public var loginCountMax: Int?
  /// Every login is answered with it.
  public var loginRefusal: ServerMessage?
  /// Answers of logins by their number, from 1; the others are let in.
  public var loginRefusals: [Int: ServerMessage] = [:]
  /// The login, of those let in, before whose answer all other connections are closed.
  public var closesOthersAtLogin: Int?
  public var rules: [Rule]

  /// Spoils the batches whose text contains some words.
  public struct Rule: Sendable {
    public var words: String
    /// Which of the matching batches, from 1; nil is all of them.
    public var occurrence: Int?
    public var fault: Fault

    public init(_ words: String, occurrence: Int? = nil, _ fault: Fault) {
      self.words = words
      self.occurrence = occurrence
      self.fault = fault
    }
  }

  public init(
    _ rules: [Rule] = [], loginCountMax: Int? = nil, loginRefusal: ServerMessage? = nil
  ) {
    self.rules = rules
    self.loginCountMax = loginCountMax
    self.loginRefusal = loginRefusal
  }
}

/// Counts the batches that rules wait for.
final class FaultCounter: Sendable {
  private let rules: [FaultPlan.Rule]
  private let counts: NIOLockedValueBox<[Int]>

  init(_ plan: FaultPlan) {
    rules = plan.rules
    counts = NIOLockedValueBox(Array(repeating: 0, count: plan.rules.count))
  }

  /// The fault that the first rule for this batch has.
  func fault(for text: String) -> Fault? {
    counts.withLockedValue { counts in
      var fault: Fault?
      for (index, rule) in rules.enumerated() where text.contains(rule.words) {
        counts[index] += 1
        if fault == nil && (rule.occurrence ?? counts[index]) == counts[index] {
          fault = rule.fault
        }
      }
      return fault
    }
  }
}
