// SPDX-License-Identifier: Apache-2.0

import Pages
import ServiceAPI

/// A page of its own, images within, that shows histories and what was recommended for them.
struct RecommendationPage {
  /// An item on the page.
  struct Card {
    let title: String
    var caption: String
    /// Of a recommended item.
    var score: Float?
    /// What speaks for it, marked with ✓.
    var mark: String?
    /// A data URI; nil where the image was not found.
    let image: String?
  }

  /// One user.
  struct Section {
    let user: String
    let note: String
    /// Why nothing could be recommended.
    var problem = ""
    let history: [Card]
    let recommended: [Card]
  }

  let heading: String
  var notice = ""
  let sections: [Section]
  let response: Recommender_RecommendResponse

  var html: String {
    HTMLPage(
      heading: heading, introduction: notice.isEmpty ? [] : [PageParagraph("notice", notice)],
      content: sections.map(RecommendedPart.init) + [PageProvenance(response: response)]
    ).html
  }
}

/// One user's history and recommendations, as part of a page.
private struct RecommendedPart: PagePart {
  struct Card {
    let title: String
    let caption: String
    let rank: String?
    let score: String?
    let mark: String?
    let image: String?

    init(_ card: RecommendationPage.Card, rank: Int?) {
      (title, caption, mark, image) = (card.title, card.caption, card.mark, card.image)
      self.rank = rank.map(String.init)
      score = card.score.map { Double($0).rounded(to: 4) }
    }
  }

  let template = "recommended"
  let user: String?
  let note: String?
  let problem: String?
  let history: [Card]
  let recommended: [Card]
  let hasRecommended: Bool
  let isEmpty: Bool

  init(_ section: RecommendationPage.Section) {
    user = section.user.isEmpty ? nil : section.user
    note = section.note.isEmpty ? nil : section.note
    problem = section.problem.isEmpty ? nil : section.problem
    history = section.history.map { Card($0, rank: nil) }
    recommended = section.recommended.enumerated().map { Card($1, rank: $0 + 1) }
    hasRecommended = problem == nil && !recommended.isEmpty
    isEmpty = problem == nil && recommended.isEmpty
  }
}
