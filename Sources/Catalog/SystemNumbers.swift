// Numbers by which SQL Server's catalog names things, in its system tables and in its views alike.

extension Index.Kind {
  /// - Parameter number: `sysidxstats.type`, `sys.indexes.type`; nil and 0 (a heap) are no index.
  public init?(number: Int?) {
    switch number {
    case 1: self = .clustered
    case 2: self = .nonclustered
    case 3: self = .xml
    case 4: self = .spatial
    case 5, 6: self = .columnstore
    case 7: self = .hash
    default: return nil
    }
  }
}

extension ForeignKey.Action {
  /// - Parameter number: `sys.foreign_keys.delete_referential_action`, or that of the update.
  public init(number: Int?) {
    switch number {
    case 1: self = .cascade
    case 2: self = .setNull
    case 3: self = .setDefault
    default: self = .noAction
    }
  }
}
