// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]

/// One module of the product. Which module may import which is drawn in docs/architecture.md.
func module(
  _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: ["TestSupport"] + dependencies, swiftSettings: strict)
}

let package = Package(
  name: "restage",
  products: [.executable(name: "restage", targets: ["restage"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    // Of the tests alone: the TDS server of Tests/TDSFixtures.
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "CLibCSV", providers: [.apt(["libcsv-dev"])]),
    .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "CLibMD", providers: [.apt(["libmd-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CSybDB", providers: [.apt(["freetds-dev"])]),
    .systemLibrary(name: "CGSSAPI", providers: [.apt(["libkrb5-dev"])]),
    .target(name: "CShortestFloat"),
    .target(name: "CSystemCalls"),

    module("Catalog"),
    module("Staging", ["Catalog", "CXXHash", "CShortestFloat", system]),
    module("BackupSource", ["Catalog", "Staging", "CZstd", system]),
    module("ServerSource", ["Catalog", "Staging", "CSybDB", "CGSSAPI", "CSystemCalls"]),
    module("Translation", ["Catalog", .product(name: "Yams", package: "Yams")]),
    module("Statements", ["Catalog", "CLibMD"]),
    module("Target", ["Catalog", "CLibPQ"]),
    module("Report", ["Catalog"]),
    module(
      "Pipeline",
      [
        "Catalog", "Staging", "BackupSource", "ServerSource", "Translation", "Statements", "Target",
        "Report", "CLibCSV", system, .product(name: "Logging", package: "swift-log"),
      ],
      // The extension's scripts are part of the tool, so that `install` needs no file beside it.
      resources: [
        .embedInCode("install.sql"), .embedInCode("upgrade_1_0_1_1.sql"),
        .embedInCode("roles.sql"),
      ]),
    .executableTarget(
      name: "restage",
      dependencies: [
        "Catalog", "Staging", "BackupSource", "ServerSource", "Translation", "Target", "Pipeline",
        "Report",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),

    .target(
      name: "TestSupport", dependencies: ["Catalog"], path: "Tests/TestSupport",
      swiftSettings: strict),
    .target(
      name: "BackupFixtures", dependencies: ["Catalog", "CZstd", system],
      path: "Tests/BackupFixtures",
      swiftSettings: strict),
    .target(
      name: "SnapshotFixtures", dependencies: ["Catalog", "Staging", "BackupFixtures"],
      path: "Tests/SnapshotFixtures", swiftSettings: strict),
    .executableTarget(
      name: "write-backup",
      dependencies: [
        "BackupFixtures", "SnapshotFixtures", "Staging",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/WriteBackup", swiftSettings: strict),
    .executableTarget(
      name: "write-mix",
      dependencies: [
        "BackupFixtures", "Catalog",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Benchmarks/WriteMix", swiftSettings: strict),
    .target(
      name: "TDSFixtures",
      dependencies: [
        "Catalog", "BackupFixtures", "CLibMD", "CGSSAPI",
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ],
      path: "Tests/TDSFixtures", swiftSettings: strict),
    tests("CatalogTests", ["Catalog"]),
    tests("StagingTests", ["Catalog", "Staging", "BackupFixtures"]),
    tests("BackupSourceTests", ["Catalog", "Staging", "BackupSource", "CLibMD", "CZstd"]),
    tests(
      "BackupFixturesTests",
      ["Catalog", "Staging", "BackupSource", "BackupFixtures", "SnapshotFixtures"]),
    tests(
      "ServerSourceTests",
      [
        "Catalog", "Staging", "ServerSource", "Pipeline", "BackupFixtures", "TDSFixtures",
        .product(name: "Logging", package: "swift-log"),
      ]),
    tests("TDSFixturesTests", ["Catalog", "Staging", "BackupFixtures", "TDSFixtures"]),
    tests("TranslationTests", ["Catalog", "Translation"]),
    tests("StatementsTests", ["Catalog", "Statements"]),
    tests("TargetTests", ["Catalog", "Target"]),
    tests("ReportTests", ["Catalog", "Report"]),
    tests(
      "PipelineTests",
      [
        "Catalog", "Staging", "Translation", "Statements", "Target", "Report", "Pipeline",
        "BackupFixtures",
      ]),
  ],
  cxxLanguageStandard: .cxx17
)
