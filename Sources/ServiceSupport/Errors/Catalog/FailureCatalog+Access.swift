// SPDX-License-Identifier: Apache-2.0

import GRPCCore

extension FailureCatalog {
  static let access = Area(
    title: "Who may do what",
    entries: [
      Entry(
        .unauthenticated, .unauthenticated,
        "The service knows its callers, and nothing that came with the call says who this one is; the service's log says why.",
        remedy:
          "Send a token that is valid (`--token-file`), or connect with a certificate that the service's policy names.",
        retry: .afterRepair),
      Entry(
        .roleMissing, .permissionDenied, fields: ["store", "config.store"],
        "The caller is known, and its identity has not the role that the method needs; the message names the role.",
        remedy: "Call as an identity that has it, or give the role to this one in the service's --policy.",
        retry: .afterRepair),
      Entry(
        .quotaExceeded, .resourceExhausted,
        "The caller asks for more than the policy's quota for its identity allows.",
        remedy: "Try again after the delay, send less at a time, or have the quota raised.", retry: .later()),
    ])
}
