// The pipe that freebcp writes into. Invariant: `start...end` lies within the buffer, and what a function
// hands out is valid until the next one is called.

import Glibc
import Staging

/// Fields from freebcp's output.
struct FreeBCPOutput: ~Copyable {
  private let descriptor: Int32
  private let place: String
  private let server: String
  private let stallSeconds: Int
  private let buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  private var hasEnded = false

  /// Bytes of the buffer.
  static let capacity = 1 << 20

  init(_ descriptor: Int32, place: String, server: String, stallSeconds: Int) {
    self.descriptor = descriptor
    self.place = place
    self.server = server
    self.stallSeconds = stallSeconds
    buffer = .allocate(byteCount: Self.capacity, alignment: 16)
  }

  deinit { buffer.deallocate() }

  /// Whether no row begins here because the output has ended.
  mutating func isAtEnd() throws -> Bool {
    while start == end, !hasEnded { try fill() }
    return start == end
  }

  /// The four bytes before a field.
  mutating func takeLength() throws -> Int {
    let length = Int(try take(4, atMost: 4).load32(0))
    guard length >= 0 else { throw failure(.badAnswer, "a field of \(length) bytes") }
    return length
  }

  /// - Parameter limit: What a value can have at most, and at most the capacity.
  mutating func take(_ byteCount: Int, atMost limit: Int) throws -> UnsafeRawBufferPointer {
    guard byteCount <= min(limit, Self.capacity) else {
      throw Fault("a value of \(byteCount) bytes where \(limit) are the most")
    }
    while end - start < byteCount {
      guard !hasEnded else { throw endedTooEarly }
      try fill()
    }
    defer { start += byteCount }
    return UnsafeRawBufferPointer(rebasing: buffer[start..<start + byteCount])
  }

  /// As much of a value as has come, at least one byte.
  mutating func takeSome(atMost byteCount: Int) throws -> UnsafeRawBufferPointer {
    while start == end {
      guard !hasEnded else { throw endedTooEarly }
      try fill()
    }
    return try take(min(byteCount, end - start), atMost: Self.capacity)
  }

  mutating func takeEndOfRow(_ row: Int) throws {
    guard try take(1, atMost: 1)[0] == 0x0A else {
      throw failure(.badAnswer, "row \(row + 1) does not end where its last field does")
    }
  }

  private mutating func fill() throws {
    if start == end {
      (start, end) = (0, 0)
    } else if end == buffer.count {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
      (start, end) = (0, end - start)
    }
    try waitForBytes()
    let room = buffer[end...]
    let count = read(
      descriptor, UnsafeMutableRawBufferPointer(rebasing: room).baseAddress, room.count)
    if count > 0 {
      end += count
    } else if count == 0 {
      hasEnded = true
    } else if errno != EINTR {
      throw failure(.badAnswer, "freebcp cannot be read from: \(String(cString: strerror(errno)))")
    }
  }

  private func waitForBytes() throws {
    for _ in 0..<max(1, stallSeconds) {
      var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let found = poll(&wait, 1, 1000)
      if found > 0 || (found < 0 && errno != EINTR) { return }
      try Task.checkCancellation()
    }
    throw failure(
      .stalled, "not a byte came from freebcp for \(stallSeconds) s",
      "is the query blocked or sorting? stall_timeout in the URI changes the limit")
  }

  private var endedTooEarly: ServerError {
    failure(.connectionLost, "freebcp's output ends within a row", "try again")
  }

  private func failure(
    _ code: ServerError.Code, _ problem: String, _ advice: String? = nil
  ) -> ServerError {
    ServerError(code, server: server, place: place, problem: problem, advice: advice)
  }
}
