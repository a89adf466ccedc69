/// The order in which tables can be filled: parents before children, and tables that refer to each
/// other in a cycle side by side, those whose foreign keys may not be NULL after their parents where
/// that can be. Ties are broken by index.
struct ForeignKeyOrder {
  /// Indexes of the tables, parents first.
  private(set) var order: [Int] = []
  /// By table: the number of the strongly connected component that it belongs to.
  private(set) var component: [Int]
  private var memberCounts: [Int] = []

  /// - Parameters:
  ///   - parents: For each table the tables that its foreign keys lead to. A table among its own
  ///     parents makes no cycle.
  ///   - firmParents: Those of them that a row cannot be without; nil for all.
  init(parents: [[Int]], firmParents: [[Int]]? = nil) {
    component = Array(repeating: -1, count: parents.count)
    let components = StrongComponents(of: parents).components
    memberCounts = components.map(\.count)
    for (number, members) in components.enumerated() {
      for member in members { component[member] = number }
    }
    let sorted = components.map { members in
      Self.within(members.sorted(), firmParents: firmParents)
    }
    order = Self.parentsFirst(sorted, component: component, parents: parents)
  }

  /// The members of a cycle, ordered by the foreign keys that may not be NULL.
  private static func within(_ members: [Int], firmParents: [[Int]]?) -> [Int] {
    guard members.count > 1, let firmParents else { return members }
    let places = Dictionary(uniqueKeysWithValues: members.enumerated().map { ($1, $0) })
    let parents = members.map { member in firmParents[member].compactMap { places[$0] } }
    return ForeignKeyOrder(parents: parents).order.map { members[$0] }
  }

  func isInCycle(_ table: Int) -> Bool { memberCounts[component[table]] > 1 }

  func isWithinCycle(_ child: Int, _ parent: Int) -> Bool {
    child != parent && component[child] == component[parent]
  }

  /// Takes, again and again, the component with the smallest table among those whose parents are all
  /// taken: the order stays when unrelated tables come and go.
  private static func parentsFirst(
    _ components: [[Int]], component: [Int], parents: [[Int]]
  ) -> [Int] {
    var children = [Set<Int>](repeating: [], count: components.count)
    var waitingFor = [Int](repeating: 0, count: components.count)
    for (child, parents) in parents.enumerated() {
      for parent in parents where component[parent] != component[child] {
        if children[component[parent]].insert(component[child]).inserted {
          waitingFor[component[child]] += 1
        }
      }
    }
    let ranks = components.map { $0.min() ?? 0 }
    var order: [Int] = []
    var ready = SmallestFirst()
    for number in components.indices where waitingFor[number] == 0 {
      ready.insert(ranks[number], number)
    }
    while let number = ready.removeFirst() {
      order += components[number]
      for child in children[number] {
        waitingFor[child] -= 1
        if waitingFor[child] == 0 { ready.insert(ranks[child], child) }
      }
    }
    return order
  }
}

/// Components that are ready, by their smallest table.
private struct SmallestFirst {
  /// Descending, so that the smallest is taken from the end.
  private var entries: [(rank: Int, number: Int)] = []

  mutating func insert(_ rank: Int, _ number: Int) {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].rank > rank { low = middle + 1 } else { high = middle }
    }
    entries.insert((rank, number), at: low)
  }

  mutating func removeFirst() -> Int? { entries.popLast()?.number }
}

/// Tarjan's algorithm with its own stack: chains of thousands of tables must not exhaust the thread's.
private struct StrongComponents {
  private(set) var components: [[Int]] = []
  private let edges: [[Int]]
  private var number: [Int?]
  private var low: [Int]
  private var isOnStack: [Bool]
  private var stack: [Int] = []
  private var count = 0

  init(of edges: [[Int]]) {
    self.edges = edges
    number = Array(repeating: nil, count: edges.count)
    low = Array(repeating: 0, count: edges.count)
    isOnStack = Array(repeating: false, count: edges.count)
    for node in edges.indices where number[node] == nil { visit(from: node) }
  }

  private mutating func visit(from root: Int) {
    var path: [(node: Int, nextEdge: Int)] = [(root, 0)]
    open(root)
    while let (node, nextEdge) = path.last {
      if nextEdge < edges[node].count {
        path[path.count - 1].nextEdge += 1
        let target = edges[node][nextEdge]
        if let seen = number[target] {
          if isOnStack[target] { low[node] = min(low[node], seen) }
        } else {
          open(target)
          path.append((target, 0))
        }
      } else {
        path.removeLast()
        if let caller = path.last?.node { low[caller] = min(low[caller], low[node]) }
        if low[node] == number[node] { close(node) }
      }
    }
  }

  private mutating func open(_ node: Int) {
    number[node] = count
    low[node] = count
    count += 1
    stack.append(node)
    isOnStack[node] = true
  }

  private mutating func close(_ node: Int) {
    var members: [Int] = []
    while let member = stack.popLast() {
      isOnStack[member] = false
      members.append(member)
      if member == node { break }
    }
    components.append(members)
  }
}
