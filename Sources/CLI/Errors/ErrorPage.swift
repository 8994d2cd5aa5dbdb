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
    - `BadRequest` with the path of the field at fault, where one is.
    - `RetryInfo` with the time to wait, where the server knows it.

    The message says the problem and its remedy with the names and numbers they turn on; it is for people and may change. One element
    of a batch or a stream that fails while others succeed carries the same code, reason, message and field in its `ItemError`.

    The path of a field begins at the root of the request. It is that of a `google.protobuf.FieldMask`, with places of elements of
    repeated fields, counted from 0: `users[3].history.items[2].title`. In a stream it begins at the root of the message at fault:
    `config.outputs[1]`, `query.k`, `chunk.item_ids[7]`. The gateway names its own caller's fields, also of what a service behind it
    refuses. In the tables the places are letters, and the field is one of those listed, or none.

    One rule holds for all batches: a request without elements is refused (`NO_ITEMS`, `NO_USERS`, `NO_QUERIES`, `NO_OUTCOMES`). One for
    all streams that answer their elements: what is unsound of an element, a missing id included, is told in its result, and the others
    are answered; a first message without a config, and a later one without an element, ends the stream.

    An error without `ErrorInfo` comes from gRPC itself or from what stands between, such as `UNIMPLEMENTED` from a server that does
    not have the service, or `RESOURCE_EXHAUSTED` for a message beyond `max_message_bytes`.

    The last column says whether the same request may succeed when it is sent again:

    | Again? | |
    | --- | --- |
    \(retries.map { "| \($0.word) | \($0.meaning) |" }.joined(separator: "\n"))

    """

  private static let retries: [FailureCatalog.Retry] = [.never, .afterRepair, .afterReading, .later()]

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
  /// With the delay, where one is known beforehand.
  var text: String {
    delay.map { "\(word), after \($0.components.seconds) s" } ?? word
  }
}
