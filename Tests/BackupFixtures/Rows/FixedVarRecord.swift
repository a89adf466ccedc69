/// Writes records of the uncompressed row format (section 11).
struct FixedVarRecord {
  enum Kind: UInt8 {
    case primary = 0
    case forwarded = 1
    case forwardingStub = 2
    case ghostData = 6
  }

  var kind = Kind.primary
  /// Columns the record knows of; less than the layout has when columns were added later.
  var columnCount: Int
  /// Whether a 14-byte row version tag follows.
  var hasVersionTag = false
  /// Behind the columns of the layout: a sparse vector, a back pointer.
  var tail: [StoredValue] = []

  /// - Parameter values: One for each column of the layout, in physical order.
  func bytes(_ layout: RowLayout, _ values: [StoredValue]) -> [UInt8] {
    let known = Array(zip(layout.columns, values).prefix(columnCount))
    var fixed = fixedPart(layout, known)
    var bitmap = [UInt8](repeating: 0, count: (columnCount + 7) / 8)
    for (index, pair) in known.enumerated() where pair.1 == .null && !pair.0.isSparse {
      bitmap[index / 8] |= 1 << UInt8(index % 8)
    }
    let variable = variablePart(known)
    fixed[0] =
      kind.rawValue << 1 | 0x10 | (variable.isEmpty ? 0 : 0x20) | (hasVersionTag ? 0x40 : 0)
    var record = fixed + littleEndian(columnCount, bytes: 2) + bitmap
    if !variable.isEmpty { appendVariable(variable, to: &record) }
    if hasVersionTag { record += [UInt8](repeating: 0xEE, count: 14) }
    return record
  }

  private func fixedPart(
    _ layout: RowLayout, _ known: [(StoredColumn, StoredValue)]
  ) -> [UInt8] {
    var end = 4
    for (column, _) in known {
      switch column.leaf {
      case .fixed(let offset): end = max(end, offset + (column.type.fixedByteCount ?? 0))
      case .bit(let offset, _): end = max(end, offset + 1)
      case .variable, .sparse: break
      }
    }
    var fixed = [UInt8](repeating: 0, count: end)
    fixed.put(end, bytes: 2, at: 2)
    for (column, value) in known {
      switch (column.leaf, value) {
      case (.fixed(let offset), .bytes(let bytes)):
        precondition(
          bytes.count == column.type.fixedByteCount,
          "\(column.name): \(bytes.count) bytes for a fixed column")
        fixed.put(bytes, at: offset)
      case (.bit(let offset, let bit), .bytes([1])): fixed[offset] |= 1 << UInt8(bit)
      default: break
      }
    }
    return fixed
  }

  /// Trailing empty values are left out of the record.
  private func variablePart(_ known: [(StoredColumn, StoredValue)]) -> [StoredValue] {
    var variable: [StoredValue] = known.compactMap { column, value in
      if case .variable = column.leaf { return value }
      return nil
    }
    if tail.isEmpty {
      while let last = variable.last, last.bytes?.isEmpty ?? true { variable.removeLast() }
    }
    return variable + tail
  }

  private func appendVariable(_ values: [StoredValue], to record: inout [UInt8]) {
    record.append(values.count, bytes: 2)
    var end = record.count + 2 * values.count
    for value in values {
      end += value.bytes?.count ?? 0
      if case .complex = value {
        record.append(end | 0x8000, bytes: 2)
      } else {
        record.append(end, bytes: 2)
      }
    }
    for value in values { record += value.bytes ?? [] }
  }
}

extension FixedVarRecord {
  /// The stub that a moved heap row leaves behind.
  static func stub(to page: PageAddress, slot: Int) -> [UInt8] {
    [Kind.forwardingStub.rawValue << 1] + page.bytes(slot: slot)
  }

  /// The last variable column of a forwarded record: where its stub stands.
  static func backPointer(to page: PageAddress, slot: Int) -> StoredValue {
    .complex([0x00, 0x04] + page.bytes(slot: slot))
  }

  /// The values of sparse columns (section 11): column ids, ends, data.
  static func sparseVector(_ values: [(columnID: Int, bytes: [UInt8])]) -> StoredValue {
    var vector: [UInt8] = [5, 0] + littleEndian(values.count, bytes: 2)
    for value in values { vector.append(value.columnID, bytes: 2) }
    var end = vector.count + 2 * values.count
    for value in values {
      end += value.bytes.count
      vector.append(end, bytes: 2)
    }
    return .complex(vector + values.flatMap(\.bytes))
  }
}

/// Records of the index pages above a clustered leaf.
struct IndexRecord {
  /// Key values as they stand in the leaf record, in the order of the key.
  static func bytes(_ layout: RowLayout, key: [StoredValue], child: PageAddress) -> [UInt8] {
    let columns = layout.keyColumns
    var record: [UInt8] = [0x06] + [UInt8](repeating: 0, count: layout.indexFixedEnd - 1)
    var variable: [[UInt8]] = []
    for (column, value) in zip(columns, key) {
      switch column.type.fixedByteCount {
      case let count?:
        guard case .fixed(let offset)? = layout.columns[column.physicalID - 1].index else {
          continue
        }
        record.put(value.bytes ?? [UInt8](repeating: 0, count: count), at: offset)
      case nil: variable.append(value.bytes ?? [])
      }
    }
    record += child.bytes
    if columns.contains(where: \.isNullable) {
      record[0] |= 0x10
      record.append(columns.count, bytes: 2)
      var bitmap = [UInt8](repeating: 0, count: (columns.count + 7) / 8)
      for (index, value) in key.enumerated() where value == .null {
        bitmap[index / 8] |= 1 << UInt8(index % 8)
      }
      record += bitmap
    }
    while variable.last?.isEmpty ?? false { variable.removeLast() }
    guard !variable.isEmpty else { return record }
    record[0] |= 0x20
    record.append(variable.count, bytes: 2)
    var end = record.count + 2 * variable.count
    for value in variable {
      end += value.count
      record.append(end, bytes: 2)
    }
    return record + variable.flatMap { $0 }
  }
}
