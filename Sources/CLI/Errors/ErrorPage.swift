// SPDX-License-Identifier: Apache-2.0

import ServiceSupport

/// The catalog of reasons as the page docs/errors.md.
enum ErrorPage {
  static var markdown: String {
    ([introduction] + FailureCatalog.areas.map(section)).joined(separator: "\n")
  }

  private static let introduction = """
    # Errors

    This page is written by `make docs-errors` from the catalog of reasons in `Sources/ServiceSupport/Errors/Catalog`; a test holds it to
    that. `illmrec explain REASON` says the same on a terminal, `illmrec explain --json` to a program.

    A refused request ends with a google.rpc code and `google.rpc.Status` details:

    - `ErrorInfo` with the domain `\(ServiceFailure.domain)` and one of the reasons below. Programs compare the reason: no release
      renames one or gives it another code. A later release may know more of them, so treat a reason that you do not know by its code.
    - `BadRequest` with the path of the field at fault, from the root of the request, where one is.
    - `RetryInfo` with the time to wait, where the server knows it.

    The message says the problem and its remedy with the names and numbers they turn on; it is for people and may change. One element
    of a batch that fails while others succeed carries the same code, reason and message in its `ItemError`.

    An error without `ErrorInfo` comes from gRPC itself or from what stands between, such as `UNIMPLEMENTED` from a server that does
    not have the service, or `RESOURCE_EXHAUSTED` for a message beyond `max_message_bytes`.

    The last column says whether the same request may succeed when it is sent again:

    | Again? | |
    | --- | --- |
    | no | The request has to be changed. |
    | once remedied | It fails until the remedy has been applied, mostly by whoever runs the service. |
    | once read again | Read again what it depends on, and decide anew. |
    | yes | After the delay in `RetryInfo`, or after the one named here; else with exponential backoff. |

    """

  private static func section(_ area: FailureCatalog.Area) -> String {
    """
    ## \(area.title)

    | Reason | Code | Field | Meaning | Remedy | Again? |
    | --- | --- | --- | --- | --- | --- |
    \(area.entries.map(row).joined(separator: "\n"))

    """
  }

  private static func row(_ entry: FailureCatalog.Entry) -> String {
    let cells = [
      "`\(entry.reason.rawValue)`", "`\(entry.code.name)`", entry.fields.map { "`\($0)`" }.joined(separator: ", "),
      entry.meaning, entry.remedy, entry.retry.text,
    ]
    return "| " + cells.map { $0.replacing("<", with: "&lt;") }.joined(separator: " | ") + " |"
  }
}

extension FailureCatalog.Retry {
  /// In a word or two, as the page explains them.
  var text: String {
    switch self {
    case .never: "no"
    case .afterRepair: "once remedied"
    case .afterReading: "once read again"
    case .later(nil): "yes"
    case .later(let delay?): "yes, after \(delay.components.seconds) s"
    }
  }
}
