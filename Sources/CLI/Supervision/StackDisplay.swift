// SPDX-License-Identifier: Apache-2.0

/// Shows a stack in a terminal: the services' log lines, each with its service's name in a colour of its own.
struct StackDisplay: Sendable {
  let terminal: Terminal

  @Sendable func show(_ event: ServiceStack.Event) {
    switch event {
    case .started(let member, let pid):
      write(member, terminal.styled("started, pid \(pid)", .dim))
    case .line(let member, let line):
      write(member, line)
    case .ready(let member, let target, let time):
      write(member, terminal.styled("ready on \(target) after \(time.brief)", .green))
    case .waiting(let members, let time):
      let names = members.map(\.rawValue).joined(separator: ", ")
      write(nil, terminal.styled("waiting for \(names), \(time.brief) so far", .dim))
    case .stopping:
      write(nil, terminal.styled("stopping; Ctrl-C again to end at once", .dim))
    }
  }

  func showServing(_ endpoints: ServiceEndpoints) {
    for member in StackMember.allCases {
      guard let target = endpoints[member] else { continue }
      let http = endpoints.http?[member.rawValue].map { "   http://\($0)/" } ?? ""
      write(nil, terminal.styled(Self.padded(member.rawValue) + " " + target + http, .bold))
    }
    write(nil, "all take requests; Ctrl-C stops them")
  }

  func showStopped() {
    write(nil, terminal.styled("stopped", .dim))
  }

  private func write(_ member: StackMember?, _ text: String) {
    let name = Self.padded(member?.rawValue ?? "illmrec")
    // One write per line, so that lines of several services do not mix.
    terminal.write(terminal.styled("\(name) | ", Self.style(of: member)) + text + "\n")
  }

  private static func padded(_ name: String) -> String {
    name + String(repeating: " ", count: max(0, 9 - name.count))
  }

  private static func style(of member: StackMember?) -> TextStyle {
    switch member {
    case .encoder: .cyan
    case .llm: .magenta
    case .retrieval: .yellow
    case .gateway: .blue
    case nil: .bold
    }
  }
}
