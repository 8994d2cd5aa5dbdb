// SPDX-License-Identifier: Apache-2.0

extension HTMLPage {
  /// CSS of every page: one text, whose digest the page's policy names. A line's dashes tell it from one beneath it without colours.
  /// Follows the reader's light or dark setting; every text has a contrast of at least 4.5 to 1 in both.
  package static let style = """
    :root { color-scheme: light dark; --ink: #1d1f24; --soft: #5d626b; --paper: #faf8f4; --card: #fff; --line: #e4e0d7;
      --accent: #1f6662; --warn: #a3341f; --s1: #2f6f8f; --s2: #c7762b; --s3: #5d8a4a; --s4: #8a6bb0; --s5: #9a958b }
    @media (prefers-color-scheme: dark) { :root { --ink: #eceae5; --soft: #a9adb4; --paper: #15171a; --card: #1f2226;
      --line: #34383e; --accent: #7cc4bd; --warn: #f09a86; --s1: #6fb1d1; --s2: #e3a262; --s3: #94c081; --s4: #b79bd9; --s5: #77736b } }
    * { box-sizing: border-box }
    body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif }
    main { max-width: 1200px; margin: 0 auto; padding: 36px 20px 48px }
    h1 { font-size: 28px; line-height: 1.2; letter-spacing: -.01em; margin: 0 0 12px }
    h2 { font-size: 19px; margin: 0 }
    h3, .metric { font-size: 12px; text-transform: uppercase; letter-spacing: .06em; color: var(--soft); margin: 20px 0 8px; font-weight: 600 }
    .notice { border-left: 3px solid var(--accent); padding: 6px 14px; margin: 0 0 24px; color: var(--soft); max-width: 72ch }
    .note { color: var(--soft); margin: 2px 0 0 }
    .problem { color: var(--warn); margin: 2px 0 0; max-width: 90ch }
    section, footer { border-top: 1px solid var(--line); padding: 22px 0 }
    .row { list-style: none; margin: 0; padding: 0; display: grid; gap: 14px; grid-template-columns: repeat(auto-fill, minmax(130px, 1fr)) }
    .history { gap: 10px; grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)) }
    .row li { position: relative; background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 8px 8px 10px; overflow: hidden }
    img, .missing { width: 100%; aspect-ratio: 1; object-fit: contain; border-radius: 7px; background: var(--paper); display: block }
    .missing { display: grid; place-items: center; color: var(--soft); font-size: 12px }
    .title { margin-top: 8px; font-size: 13.5px; line-height: 1.3; font-weight: 550; overflow-wrap: anywhere }
    .history .title { font-size: 12px; font-weight: 450 }
    .caption, .score { color: var(--soft); font-size: 12px; overflow-wrap: anywhere }
    .score { font-variant-numeric: tabular-nums } .good { color: var(--accent); font-size: 12px; font-weight: 600 }
    .rank { position: absolute; top: 0; left: 0; z-index: 1; background: var(--accent); color: var(--paper); border-radius: 0 0 9px 0; padding: 2px 10px; font-size: 12px; font-weight: 650 }
    svg.bar { height: 12px; border-radius: 6px; background: var(--line); max-width: 720px }
    .bar .s1 { fill: var(--s1) } .bar .s2 { fill: var(--s2) } .bar .s3 { fill: var(--s3) } .bar .s4 { fill: var(--s4) } .bar .s5 { fill: var(--s5) }
    .s1 { background: var(--s1) } .s2 { background: var(--s2) } .s3 { background: var(--s3) } .s4 { background: var(--s4) } .s5 { background: var(--s5) }
    .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 10px 0 0; padding: 0; font-size: 13px; font-variant-numeric: tabular-nums }
    .legend i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px }
    .scroll { overflow-x: auto } table { border-collapse: collapse; font-size: 13px } th, td { text-align: left; padding: 4px 22px 4px 0; vertical-align: top }
    th { font-weight: 600 } thead th { color: var(--soft); font-weight: 500 } code { font: 12px ui-monospace, monospace; overflow-wrap: anywhere }
    table.figures td, table.figures th, td.figure { font-variant-numeric: tabular-nums } table.amounts td { font-variant-numeric: tabular-nums; text-align: right }
    td { overflow-wrap: anywhere; max-width: 60ch; min-width: 5ch } h1, h2, p, dd, summary { overflow-wrap: anywhere } tbody th { font-weight: 550 }
    dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; font-size: 13px; margin: 8px 0 0 } dt { color: var(--soft) } dd { margin: 0 }
    details { margin-top: 18px } summary { font-size: 13px; color: var(--soft) } figure + .scroll, .scroll + .scroll { margin-top: 12px }
    figure { margin: 18px 0 0 } figcaption { font-size: 13px; font-weight: 600; display: flex; flex-wrap: wrap; gap: 4px 20px; overflow-wrap: anywhere }
    .keys { font-weight: 400; color: var(--soft); display: flex; flex-wrap: wrap; gap: 4px 14px } .keys > span { display: inline-flex; align-items: center; gap: 6px }
    svg { width: 100%; max-width: 860px; height: auto; display: block; overflow: visible } svg.swatch { width: 26px; height: 10px; flex: none; background: none }
    .grid { stroke: var(--line); fill: none } .stage { stroke: var(--soft); stroke-dasharray: 3 4; fill: none; opacity: .6 } .bars { fill: var(--s1) }
    .axis { font: 11px system-ui, sans-serif; fill: var(--soft) } .direct { font: 11px system-ui, sans-serif; fill: var(--ink) } .end { text-anchor: end } .middle { text-anchor: middle }
    .line, .curve, .whisker, .mark, .band { background: none } .line, .curve { fill: none; stroke-width: 2 }
    .line.s1, .curve.s1, .whisker.s1, .edge.s1 { stroke: var(--s1) } .line.s2, .curve.s2, .whisker.s2, .edge.s2 { stroke: var(--s2) } .line.s3, .curve.s3, .whisker.s3, .edge.s3 { stroke: var(--s3) }
    .line.s4, .curve.s4, .whisker.s4, .edge.s4 { stroke: var(--s4) } .line.s5, .curve.s5, .whisker.s5, .edge.s5 { stroke: var(--s5) }
    .line.s2, .curve.s2 { stroke-dasharray: 8 5 } .line.s3, .curve.s3 { stroke-dasharray: 9 3 2 3 } .line.s4, .curve.s4 { stroke-dasharray: 4 3 } .line.s5, .curve.s5 { stroke-dasharray: 2 3 }
    .curve.again { stroke-width: 1 } .whisker { fill: none; opacity: .55 } .mark { stroke: none } .edge { fill: none; background: none; opacity: .5; stroke-width: 1 }
    .mark.s1, .band.s1 { fill: var(--s1) } .mark.s2, .band.s2 { fill: var(--s2) } .mark.s3, .band.s3 { fill: var(--s3) } .mark.s4, .band.s4 { fill: var(--s4) } .mark.s5, .band.s5 { fill: var(--s5) }
    .band { opacity: .16; stroke: none }
    """
}
