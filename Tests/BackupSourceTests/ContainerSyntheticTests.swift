import TestSupport
import Testing

@testable import BackupSource

@Suite("containers: databases made up by rule")
struct ContainerSyntheticTests {
  static let small = SyntheticDatabase(files: [
    .init(id: 1, extentCount: 60, allocated: Set(0..<30).union([37, 44, 58]), mixed: [50])
  ])
  static let twoFiles = SyntheticDatabase(files: [
    .init(id: 1, extentCount: 20, allocated: Set(0..<9)),
    .init(id: 3, extentCount: 30, allocated: Set(0..<5).union([20, 21])),
  ])

  @Test("three GAM intervals, over 8 GB, are placed by plan and by headers alike")
  func intervals() throws {
    let extents = [1, 2, 63_903, 63_904, 63_905, 100_000, 127_807, 127_808, 130_000]
    let database = SyntheticDatabase(files: [
      .init(id: 1, extentCount: 140_000, allocated: Set(extents + [0]), mixed: [70_000])
    ])
    let planned = database.planned
    #expect(planned.count > extents.count + 100)
    let stream = SyntheticStream(database, planned.map { .extent($0) } + [.filler])
    let set = stream.set([(1, planned.count * 8)])
    var byPlan = Placement([stream])
    _ = try byPlan.placeByPlan(set.configuration.files, in: [stream.region])
    try byPlan.requireSamples(of: set.configuration.files)
    for (index, extent) in planned.enumerated() {
      #expect(byPlan.map[extent] == Place(stream: 0, offset: index * 65_536), "\(extent)")
    }
    #expect(byPlan.map.extentCount == planned.count)
    var byHeaders = Placement([stream])
    try byHeaders.placeByHeaders([set], set.configuration.files)
    #expect(byHeaders.map.extents(ofFile: 1) == planned)
  }

  @Test("a file larger than any is refused, whatever follows")
  func largestFile() throws {
    // The numbers of all pages up to the largest file fit 32 bits.
    let last = AllocationInterval.countMax - 1
    #expect(AllocationInterval.mapPage(.differential, last) < UInt32.max / 2)
    #expect(
      ExtentID(file: 1, interval: last, extent: 63_903).page(7).page < UInt32.max / 2 + 600_000)
    let error = #expect(throws: BackupError.self) {
      try DataFilePages(
        primary: StretchedStream(SyntheticStream(Self.small, [.extent(.init(file: 1, number: 0))])))
    }
    #expect(error?.problem.contains("more than any data file") == true)
  }

  @Test("a data file over 8 GB is read to its end, and cut off is refused")
  func largeDataFile() throws {
    let database = SyntheticDatabase(files: [
      .init(id: 1, extentCount: 130_001, allocated: [0, 1, 63_904, 127_808, 130_000])
    ])
    let extents = (0..<130_001).map { ExtentID(file: 1, number: UInt32($0)) }
    let stream = SyntheticStream(database, extents.map { .extent($0) })
    let pages = try DataFilePages(primary: stream)
    var buffer = [UInt8](repeating: 0, count: PageLayout.byteCount)
    let last = PageID(file: 1, page: 130_000 * 8 + 7)
    try buffer.withUnsafeMutableBytes { try pages.readPage(last, into: $0) }
    #expect(buffer == database.page(last, lsn: 1))
    let cut = CutStream(whole: stream, byteCount: stream.byteCount - 8192)
    let error = #expect(throws: BackupError.self) { try DataFilePages(primary: cut) }
    #expect(error?.code == .truncated)
  }

  @Test("two files, one after the other or mixed, find their pages")
  func severalFiles() throws {
    let database = Self.twoFiles
    let planned = database.planned
    let counts = database.files.map { ($0.id, database.planned($0).count * 8) }
    for order in [planned, planned.sorted { $0.number < $1.number }] {
      let stream = SyntheticStream(database, order.map { .extent($0) } + [.filler, .filler])
      let map = try Placement.ofFull([stream.set(counts)], in: [stream])
      for (index, extent) in order.enumerated() {
        #expect(map[extent] == Place(stream: 0, offset: index * 65_536), "\(extent)")
      }
    }
  }

  @Test("stripes dealt out at random are put together", arguments: UInt64(0)..<20)
  func stripes(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let (streams, sets) = deal(Self.small, over: 3, using: &generator)
    let map = try Placement.ofFull(sets, in: streams)
    #expect(map.extents(ofFile: 1) == Self.small.planned)
    let pages = BackupPages(fileName: "", map: map, streams: streams)
    var buffer = [UInt8](repeating: 0, count: PageLayout.byteCount)
    for extent in Self.small.planned {
      try buffer.withUnsafeMutableBytes { try pages.readPage(extent.page(5), into: $0) }
    }
  }

  @Test("a stripe with a frame lost, or one twice, is damage", arguments: UInt64(0)..<20)
  func brokenStripes(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let (streams, sets) = deal(Self.small, over: 2, using: &generator)
    let longest = streams[0].frames.count > streams[1].frames.count ? 0 : 1
    var frames = streams[longest].frames
    let place = Int.random(in: 0..<frames.count - 2, using: &generator)
    if seed % 2 == 0 { frames[place] = frames[place + 1] } else { frames.remove(at: place) }
    var broken = streams
    broken[longest] = SyntheticStream(Self.small, frames)
    var brokenSets = sets
    brokenSets[longest].regions = [broken[longest].region]
    let error = #expect(throws: BackupError.self, "seed \(seed)") {
      try Placement.ofFull(brokenSets, in: broken)
    }
    #expect(error?.code == .damaged)
  }

  @Test("an extent with one page of its own among leftovers is found", arguments: [0, 1])
  func leftovers(file: Int) throws {
    let planned = Self.small.planned
    // Seven pages of extent 37 were once extent 12, which is elsewhere by now, or extent 40, which
    // is not allocated any more.
    let former = ExtentID(file: 1, number: file == 0 ? 12 : 40)
    let frames: [SyntheticStream.Content] = planned.map { extent in
      extent.number == 37
        ? .extent(extent, leftovers: (of: former, count: 7, lsn: 1)) : .extent(extent)
    }
    let even = SyntheticStream(Self.small, frames.enumerated().filter { $0.0 % 2 == 0 }.map(\.1))
    let odd = SyntheticStream(Self.small, frames.enumerated().filter { $0.0 % 2 == 1 }.map(\.1))
    let counts: [(id: UInt16, pageCount: Int)] = [(1, planned.count * 8)]
    let map = try Placement.ofFull([even.set(counts), odd.set(counts)], in: [even, odd])
    let pages = BackupPages(fileName: "", map: map, streams: [even, odd])
    var buffer = [UInt8](repeating: 0, count: PageLayout.byteCount)
    for page in [37 * 8 + 7, 12 * 8 + 3] {
      let id = PageID(file: 1, page: UInt32(page))
      try buffer.withUnsafeMutableBytes { try pages.readPage(id, into: $0) }
      #expect(buffer == Self.small.page(id, lsn: 1))
    }
  }

  @Test("a later region supersedes what is older and nothing else")
  func overlay() throws {
    let planned = Self.small.planned
    let base = SyntheticStream(Self.small, planned.map { .extent($0, lsn: 10) })
    let later = SyntheticStream(
      Self.small,
      [
        .extent(ExtentID(file: 1, number: 3), lsn: 11),
        .extent(ExtentID(file: 1, number: 4), lsn: 9),
        .extent(ExtentID(file: 1, number: 5), lsn: 10),
        // Page 7 of extent 6 is new; the rest are leftovers of extent 7, as old as it is.
        .extent(
          ExtentID(file: 1, number: 6), lsn: 12,
          leftovers: (of: ExtentID(file: 1, number: 7), count: 7, lsn: 9)),
        .filler,
        .extent(ExtentID(file: 1, number: 8), lsn: 20),
      ])
    var placement = Placement([base, later])
    let set = base.set([(1, planned.count * 8)])
    _ = try placement.placeByPlan(set.configuration.files, in: [base.region])
    let overlay = try placement.overlay(later.region, in: 1)
    #expect(overlay.frameCount == 4)
    let streams = (3...8).map { placement.map[ExtentID(file: 1, number: UInt32($0))]?.stream }
    #expect(streams == [1, 0, 1, 1, 0, 0])
  }

  @Test("the longest ascending row is found", arguments: UInt64(0)..<50)
  func ascending(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let numbers = (0..<Int.random(in: 0..<12, using: &generator)).map { _ in
      UInt32.random(in: 0..<15, using: &generator)
    }
    let row = longestAscending(numbers)
    #expect(zip(row, row.dropFirst()).allSatisfy { $0 < $1 && numbers[$0] < numbers[$1] })
    // All subsequences, of which there are at most 2048.
    let best = (0..<1 << numbers.count).filter { bits in
      let chosen = numbers.indices.filter { bits >> $0 & 1 == 1 }.map { numbers[$0] }
      return zip(chosen, chosen.dropFirst()).allSatisfy { $0 < $1 }
    }.map(\.nonzeroBitCount).max()
    #expect(row.count == best, "seed \(seed): \(numbers)")
  }

  private func deal(
    _ database: SyntheticDatabase, over count: Int, using generator: inout SeededGenerator
  ) -> ([SyntheticStream], [BackupSet]) {
    var frames = [[SyntheticStream.Content]](repeating: [], count: count)
    for extent in database.planned {
      frames[Int.random(in: 0..<count, using: &generator)].append(.extent(extent))
    }
    let streams = frames.map { SyntheticStream(database, $0 + [.filler]) }
    let counts = database.files.map { ($0.id, database.planned($0).count * 8) }
    return (streams, streams.map { $0.set(counts) })
  }
}

/// A stream that says it has a petabyte.
private struct StretchedStream: ByteStream {
  let start: SyntheticStream
  let byteCount = 1 << 50

  init(_ start: SyntheticStream) { self.start = start }

  var fileName: String { start.fileName }

  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(BackupError) {
    try start.read(at: offset, into: buffer)
  }
}
