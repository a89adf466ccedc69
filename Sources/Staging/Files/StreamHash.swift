import CXXHash

/// XXH3 over bytes that come in pieces.
///
/// Specification: https://github.com/Cyan4973/xxHash, "XXH3" in `doc/xxhash_spec.md`.
struct StreamHash: ~Copyable {
  private let state: OpaquePointer

  init() {
    guard let state = XXH3_createState() else { fatalError("XXH3_createState: out of memory") }
    self.state = state
    XXH3_128bits_reset(state)
  }

  deinit { XXH3_freeState(state) }

  mutating func reset() { XXH3_128bits_reset(state) }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    XXH3_128bits_update(state, bytes.baseAddress, bytes.count)
  }

  /// Goes on from where `other` is.
  mutating func copy(_ other: borrowing StreamHash) { XXH3_copyState(state, other.state) }

  /// 32 lower-case hex digits, the high half first: the canonical form, which `xxh128sum` prints.
  var hexDigits: String {
    let digest = XXH3_128bits_digest(state)
    return Self.hexDigits(UInt128(digest.high64) << 64 | UInt128(digest.low64))
  }

  static func hexDigits(_ digest: UInt128) -> String {
    let digits = String(digest, radix: 16)
    return String(repeating: "0", count: 32 - digits.utf8.count) + digits
  }

  /// The 128-bit hash of one piece.
  static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt128 {
    let digest = XXH3_128bits(bytes.baseAddress, bytes.count)
    return UInt128(digest.high64) << 64 | UInt128(digest.low64)
  }
}

extension StreamHash {
  /// The 64-bit hash of one piece.
  static func hash64(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    XXH3_64bits(bytes.baseAddress, bytes.count)
  }
}
