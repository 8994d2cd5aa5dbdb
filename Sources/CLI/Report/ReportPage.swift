// SPDX-License-Identifier: Apache-2.0

import Evaluation
import Foundation
import Pages

/// Results on one page that needs nothing beside itself: training first, then evaluations, then studies.
struct ReportPage {
  let results: [ReportSource]

  var data: Data {
    let notice =
      "Means over users ± half the 95% bootstrap interval; in plots the interval is the line through a point."
    return Data(
      HTMLPage(
        heading: results.count == 1 ? "Result" : "Report", introduction: [PageParagraph("notice", notice)],
        content: sections
      ).html.utf8)
  }

  private var sections: [PageSection] {
    var (training, evaluations, studies): ([PageSection], [PageSection], [PageSection]) = ([], [], [])
    for result in results {
      switch result {
      case .training(let document): training.append(document.section)
      case .evaluation(let document): evaluations.append(document.section)
      case .study(let result): studies.append(result.section)
      }
    }
    return training + evaluations + studies
  }
}
