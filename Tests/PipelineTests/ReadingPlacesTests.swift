import Catalog
import Staging
import Testing

@testable import Pipeline

@Suite("places for readers")
struct ReadingPlacesTests {
  @Test("no more read at a time than there are places, and none waits for ever")
  func bound() async throws {
    let places = ReadingPlaces(count: 2)
    #expect(places.sum == nil)
    let reading = Locked((now: 0, most: 0))
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<40 {
        group.addTask {
          let place = await places.take(turn: number)
          defer { place.giveBack() }
          reading.withLock { counts in
            counts.now += 1
            counts.most = max(counts.most, counts.now)
          }
          await Task.yield()
          reading.withLock { $0.now -= 1 }
          place.giveBack()
          var manifest = TableManifest(
            table: ObjectName("dbo", "T"), rows: number, bytes: 2 * number)
          manifest.rejects = 1
          places.note(manifest)
        }
      }
      // A cancelled task gets its place in its turn, gives it back, and the next goes on.
      group.cancelAll()
    }
    #expect(reading.withLock { $0.now } == 0)
    #expect((1...2).contains(reading.withLock { $0.most }))
    let sum = try #require(places.sum)
    #expect(sum.rows == 780 + 40 && sum.bytes == 1560 && sum.milliseconds >= 0)
  }

  @Test("the order of the turns is that of the reading, whenever a task gets to take its own")
  func order() async throws {
    let places = ReadingPlaces(count: 1)
    let read = Locked<[Int]>([])
    await withTaskGroup(of: Void.self) { group in
      for turn in (0..<20).reversed() {
        group.addTask {
          if turn == 0 { try? await Task.sleep(for: .milliseconds(20)) }
          let place = await places.take(turn: turn)
          read.withLock { $0.append(turn) }
          await Task.yield()
          place.giveBack()
          guard turn == 3 else { return }
          // A table that is begun again has no turn and is not behind all others.
          let again = await places.take()
          read.withLock { $0.append(-1) }
          again.giveBack()
        }
      }
    }
    let order = read.withLock(\.self)
    #expect(order.filter { $0 >= 0 } == Array(0..<20))
    let again = try #require(order.firstIndex(of: -1))
    #expect(again > 3)
  }
}
