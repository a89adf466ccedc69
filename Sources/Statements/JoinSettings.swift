// How the planner is told to join a stage table with key maps.

import Catalog

extension TableNames {
  /// Before statements that join a stage table and its key map: few staged rows are looked up one by one
  /// in the key map's index, which is several times faster than reading a large key map. For all others
  /// `Settings.withoutNestedLoops` holds.
  var joinSettings: String {
    """
    -- Few staged rows are looked up in key maps' indexes; for many there are hash joins only.
    SELECT restage.choose_joins(\(auditName), \(SQLLiteral.quoted(keyMap))) AS joins;
    """
  }
}
