/// The version that `--version`, audit rows and plans carry.
public enum Version {
  public static let number = "0.1.0"
}
