// SPDX-License-Identifier: Apache-2.0

import Evaluation
import Foundation

/// Results on one page that needs nothing beside itself: training first, then evaluations, then studies.
struct ReportPage {
  let results: [ReportSource]

  var data: Data {
    Data(
      HTMLPage(
        heading: results.count == 1 ? "Result" : "Report",
        introduction:
          "<p class=\"notice\">Means over users ± half the 95% bootstrap interval; in plots the interval is the line "
          + "through a point.</p>",
        style: LineChart.style + StudyChart.style, content: sections.joined(separator: "\n")
      ).html.utf8)
  }

  private var sections: [String] {
    var (training, evaluations, studies): ([String], [String], [String]) = ([], [], [])
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
