// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What is known about the terminal behind one file descriptor.
struct Terminal: Sendable {
  let descriptor: Int32
  let isInteractive: Bool
  let usesColour: Bool
  /// Of a window whose size is known; nil asks the system.
  private let fixedSize: Size?

  struct Size: Sendable {
    let columns: Int
    let rows: Int
  }

  static let standardOutput = Terminal(descriptor: STDOUT_FILENO)
  static let standardError = Terminal(descriptor: STDERR_FILENO)

  init(descriptor: Int32) {
    let isInteractive = isatty(descriptor) == 1
    self.init(
      descriptor: descriptor, isInteractive: isInteractive,
      usesColour: isInteractive && Terminal.environmentAllowsColour)
  }

  init(descriptor: Int32, isInteractive: Bool, usesColour: Bool, size: Size? = nil) {
    fixedSize = size
    self.descriptor = descriptor
    self.isInteractive = isInteractive
    self.usesColour = usesColour
  }

  /// https://no-color.org: any non-empty value of NO_COLOR turns colours off.
  private static var environmentAllowsColour: Bool {
    (environment("NO_COLOR") ?? "").isEmpty && environment("TERM") != "dumb"
  }

  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// Columns of the window; nil when it is not a terminal.
  var columns: Int? { size?.columns }

  /// The window's size; nil when it is not a terminal.
  var size: Size? {
    guard isInteractive else { return nil }
    if let fixedSize { return fixedSize }
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return Size(columns: 80, rows: 24) }
    return Size(columns: Int(size.ws_col), rows: size.ws_row > 0 ? Int(size.ws_row) : 24)
  }

  /// Writes all of `text`, or gives up silently: a closed pipe is the reader's choice.
  func write(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while let base = rest.baseAddress, !rest.isEmpty {
        let written = Glibc.write(descriptor, base, rest.count)
        if written < 0 {
          if errno == EINTR { continue }
          return
        }
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      }
    }
  }

  func writeLine(_ text: String = "") { write(text + "\n") }

  func styled(_ text: String, _ style: TextStyle) -> String {
    usesColour ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }
}

/// SGR parameters of the styles in use.
enum TextStyle: String, Sendable {
  case bold = "1"
  case dim = "2"
  case red = "31"
  case green = "32"
  case yellow = "33"
  case blue = "34"
  case magenta = "35"
  case cyan = "36"
}
