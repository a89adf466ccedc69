import Catalog

/// The names that are taken in one namespace of the target.
struct NameScope {
  private var taken: Set<String>

  init(taken: Set<String> = []) {
    self.taken = taken
  }

  func isTaken(_ name: Identifier) -> Bool { taken.contains(name.name) }

  mutating func take(_ name: Identifier) {
    taken.insert(name.name)
  }

  /// Takes the first of the wanted names that is free, else the first one with a hash of `origin`
  /// behind it. The same calls in the same order give the same names.
  ///
  /// - Parameters:
  ///   - wanted: At least one name, of any length.
  ///   - origin: What the name stands for in the source: two things with one spelling differ in it.
  mutating func claim(_ wanted: [String], origin: String) -> Identifier {
    for name in wanted.map(Identifier.shortened) where !isTaken(name) {
      take(name)
      return name
    }
    let stem = wanted.first ?? "x"
    var salt = origin
    while true {
      let name = Identifier.shortened(stem + "_" + Identifier.hash(of: salt))
      if !isTaken(name) {
        take(name)
        return name
      }
      salt += "'"
    }
  }
}
