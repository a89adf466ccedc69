/// Rows of a source that are not in the target because the export or the load refused them.
public struct Refusals: Codable, Hashable, Sendable {
  public var rows: Int
  /// Places of a damaged file that were skipped: nobody knows how many rows were there.
  public var damagedPlaces: Int

  public init(rows: Int = 0, damagedPlaces: Int = 0) {
    self.rows = rows
    self.damagedPlaces = damagedPlaces
  }

  public var isEmpty: Bool { rows == 0 && damagedPlaces == 0 }

  public static func + (left: Refusals, right: Refusals) -> Refusals {
    Refusals(
      rows: left.rows + right.rows, damagedPlaces: left.damagedPlaces + right.damagedPlaces)
  }

  enum CodingKeys: String, CodingKey {
    case rows
    case damagedPlaces = "damaged_places"
  }
}

extension Refusals: CustomStringConvertible {
  /// "3 refused rows and an unknown number of rows at 1 damaged place".
  public var description: String {
    var parts: [String] = []
    if rows > 0 { parts.append("\(rows.grouped) refused \(rows == 1 ? "row" : "rows")") }
    if damagedPlaces > 0 {
      let places = "\(damagedPlaces.grouped) damaged \(damagedPlaces == 1 ? "place" : "places")"
      parts.append("an unknown number of rows at \(places)")
    }
    return parts.isEmpty ? "no refused row" : parts.joined(separator: " and ")
  }

  /// What an export refused, in a line of its own.
  var remark: String { "not in the snapshot: \(self); its rejects/ lists them" }
}
