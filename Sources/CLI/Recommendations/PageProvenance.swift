// SPDX-License-Identifier: Apache-2.0

import ServiceAPI

/// The foot of the page: where the time of the request went and which models and index answered it.
struct PageProvenance {
  let response: Recommender_RecommendResponse

  var html: String {
    """
    <footer>
    <h3>Where the time went</h3>
    \(timings)
    <h3>What answered</h3>
    <div class="scroll"><table>
    <thead><tr><th></th><th>Name</th><th>Version</th><th>Fingerprint</th><th>Space</th></tr></thead>
    <tbody>\(rows)</tbody>
    </table></div>
    </footer>
    """
  }

  private var timings: String {
    let stages = ProvenanceText(response: response).stages
    let total = stages.reduce(0) { $0 + $1.micros }
    guard total > 0 else { return "<p class=\"note\">not measured</p>" }
    let bar = stages.enumerated().map { position, stage in
      let share = (Double(stage.micros) / Double(total) * 100).rounded(to: 2)
      return "<i class=\"s\(position + 1)\" style=\"width:\(share)%\"></i>"
    }
    let legend = stages.enumerated().map { position, stage in
      "<li><i class=\"s\(position + 1)\"></i>\(stage.name) \(ProvenanceText.milliseconds(stage.micros))</li>"
    }
    let sum = ProvenanceText.milliseconds(response.timings.totalMicros)
    return "<div class=\"bar\" aria-hidden=\"true\">\(bar.joined())</div>"
      + "<ul class=\"legend\"><li>\(sum) in all</li>\(legend.joined())</ul>"
  }

  private var rows: String {
    let index = response.servedBy
    return row("Items", response.encoderModel) + row("Users", response.llmModel)
      + row(["Index", index.index, index.version], fingerprints: [index.fingerprint, index.builtBy.spaceFingerprint])
  }

  private func row(_ part: String, _ model: Common_ModelRef) -> String {
    row([part, model.name, model.version], fingerprints: [model.fingerprint, model.spaceFingerprint])
  }

  private func row(_ cells: [String], fingerprints: [String]) -> String {
    let head = "<th scope=\"row\">\(HTMLPage.escaped(cells[0]))</th>"
    let texts = cells.dropFirst().map { "<td>\(HTMLPage.escaped($0))</td>" }
    let codes = fingerprints.map { fingerprint in
      let whole = HTMLPage.escaped(fingerprint)
      return "<td><code title=\"\(whole)\">\(HTMLPage.escaped(String(fingerprint.prefix(12))))</code></td>"
    }
    return "<tr>\(head)\(texts.joined())\(codes.joined())</tr>\n"
  }
}
