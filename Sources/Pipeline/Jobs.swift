// Work that is done over several connections at once, each piece as soon as what it needs is there.

import Target

/// A piece of work that waits for others.
struct Job: Sendable {
  /// Indexes of jobs that come before this one in the list and must be done first.
  var after: [Int]
  /// No two jobs that name the same table run at the same time: they would wait for each other's
  /// locks, and block a connection meanwhile.
  var tables: Set<Int> = []
  /// Compared with that of other jobs alone.
  var cost: Int
  var work: @Sendable (TargetConnection) async throws -> Void
}

/// Which jobs are waiting, running and done.
private struct JobQueue {
  private let jobs: [Job]
  /// Cost of the job and of the longest chain of jobs that wait for it.
  private let urgency: [Int]
  private let followers: [[Int]]
  private var waitingFor: [Int]
  private var ready: [Int]
  private var busyTables: Set<Int> = []

  init(_ jobs: [Job]) {
    self.jobs = jobs
    var followers = [[Int]](repeating: [], count: jobs.count)
    for (index, job) in jobs.enumerated() {
      for earlier in job.after { followers[earlier].append(index) }
    }
    var urgency = jobs.map(\.cost)
    for index in jobs.indices.reversed() {
      urgency[index] += followers[index].map { urgency[$0] }.max() ?? 0
    }
    self.followers = followers
    self.urgency = urgency
    waitingFor = jobs.map(\.after.count)
    ready = jobs.indices.filter { jobs[$0].after.isEmpty }
  }

  /// The most urgent job that nothing keeps from running; nil while there is none.
  mutating func next() -> Int? {
    let free = ready.indices.filter { jobs[ready[$0]].tables.isDisjoint(with: busyTables) }
    guard
      let place = free.max(by: {
        (urgency[ready[$0]], ready[$1]) < (urgency[ready[$1]], ready[$0])
      })
    else { return nil }
    let index = ready.remove(at: place)
    busyTables.formUnion(jobs[index].tables)
    return index
  }

  mutating func finish(_ index: Int) {
    busyTables.subtract(jobs[index].tables)
    for follower in followers[index] {
      waitingFor[follower] -= 1
      if waitingFor[follower] == 0 { ready.append(follower) }
    }
  }
}

extension ConnectionPool {
  /// Does all jobs, at most `jobCount` at a time, on threads that may block; of those that can be done
  /// always the one that most others wait for.
  ///
  /// The first failure cancels the rest and is the one thrown.
  nonisolated func run(_ jobs: [Job], jobCount: Int) async throws {
    var queue = JobQueue(jobs)
    try await withThrowingTaskGroup(of: Int.self) { group in
      var runningCount = 0
      func begin() {
        while runningCount < jobCount, let index = queue.next() {
          runningCount += 1
          let work = jobs[index].work
          group.addTask(executorPreference: BlockingThreads.shared) {
            try Task.checkCancellation()
            try await self.withConnection(work)
            return index
          }
        }
      }
      begin()
      while let index = try await group.next() {
        runningCount -= 1
        queue.finish(index)
        begin()
      }
    }
  }
}
