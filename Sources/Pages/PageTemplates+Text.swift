// SPDX-License-Identifier: Apache-2.0

// A name that begins with a dot is looked for in the present value alone; without it the library would go on to those around it.
// `{{>*template}}` includes the template that the present part of the page names.

extension PageTemplates {
  static let page = """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="\(HTMLPage.policy)">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{{.heading}}</title>
    <style>\(HTMLPage.style)</style>
    </head>
    <body>
    <main>
    <header>
    <h1><bdi>{{.heading}}</bdi></h1>
    {{#.introduction}}
    {{>*template}}
    {{/.introduction}}
    </header>
    {{#.content}}
    {{>*template}}
    {{/.content}}
    </main>
    </body>
    </html>

    """

  static let section = """
    <section>
    {{#.heading}}<h2>{{.}}</h2>{{/.heading}}
    {{#.parts}}
    {{>*template}}
    {{/.parts}}
    </section>

    """

  static let paragraph = """
    <p class="{{.style}}">{{#.pieces}}{{#.isStrong}}<b class="{{.strongStyle}}">{{.text}}</b>{{/.isStrong}}\
    {{^.isStrong}}<bdi>{{.text}}</bdi>{{/.isStrong}}{{/.pieces}}</p>

    """

  static let table = """
    <div class="scroll"><table class="{{.style}}">
    {{#.hasHeads}}<thead><tr>{{#.heads}}<th>{{.}}</th>{{/.heads}}</tr></thead>{{/.hasHeads}}
    <tbody>
    {{#.rows}}
    <tr>{{#.head}}<th scope="row">{{.}}</th>{{/.head}}{{#.cells}}<td>{{.}}</td>{{/.cells}}</tr>
    {{/.rows}}
    </tbody></table></div>

    """

  static let facts = """
    <dl>{{#.facts}}<dt>{{.name}}</dt><dd><code>{{.value}}</code></dd>{{/.facts}}</dl>

    """

  static let details = """
    <details{{#.isOpen}} open{{/.isOpen}}><summary>{{.summary}}</summary>
    {{#.parts}}
    {{>*template}}
    {{/.parts}}
    </details>

    """

  static let list = """
    <ul>{{#.items}}<li>{{.}}</li>{{/.items}}</ul>

    """

  static let figure = """
    <figure>
    <figcaption>{{.title}}<span class="keys">{{#.keys}}<span><svg class="swatch" viewBox="0 0 26 10" aria-hidden="true">\
    <path class="{{.style}}" d="M0 5H26"/></svg><bdi>{{.name}}</bdi></span>{{/.keys}}</span></figcaption>
    <svg viewBox="0 0 {{.width}} {{.height}}" role="img" aria-label="{{.description}}">
    <title>{{.description}}</title>
    {{#.marks}}
    {{#.path}}<path class="{{.style}}" d="{{.outline}}"/>{{/.path}}\
    {{#.label}}<text class="{{.style}}" x="{{.x}}" y="{{.y}}">{{.text}}</text>{{/.label}}\
    {{#.dot}}<circle class="{{.style}}" cx="{{.x}}" cy="{{.y}}" r="3"/>{{/.dot}}\
    {{#.bar}}<rect class="{{.style}}" x="{{.x}}" y="{{.y}}" width="{{.width}}" height="{{.height}}">\
    <title>{{.note}}</title></rect>{{/.bar}}
    {{/.marks}}
    </svg>
    </figure>

    """

  static let recommended = """
    <section>
    {{#.user}}<h2><bdi>{{.}}</bdi></h2>{{/.user}}
    {{#.note}}<p class="note">{{.}}</p>{{/.note}}
    <h3>History, oldest first</h3>
    <ol class="row history">{{#.history}}{{>cards}}{{/.history}}</ol>
    <h3>Recommended, best first</h3>
    {{#.problem}}<p class="problem">{{.}}</p>{{/.problem}}
    {{#.hasRecommended}}<ol class="row">{{#.recommended}}{{>cards}}{{/.recommended}}</ol>{{/.hasRecommended}}
    {{#.isEmpty}}<p class="note">No item is left to recommend.</p>{{/.isEmpty}}
    </section>

    """

  static let cards = """
    <li>{{#.rank}}<span class="rank">{{.}}</span>{{/.rank}}\
    {{#.image}}<img src="{{.}}" alt="{{title}}" loading="lazy">{{/.image}}\
    {{^.image}}<div class="missing">no image</div>{{/.image}}\
    <div class="title"><bdi>{{.title}}</bdi></div><div class="caption"><bdi>{{.caption}}</bdi></div>\
    {{#.score}}<div class="score">score {{.}}</div>{{/.score}}\
    {{#.mark}}<div class="good">✓ {{.}}</div>{{/.mark}}</li>

    """

  static let provenance = """
    <footer>
    <h3>Where the time went</h3>
    {{#.isMeasured}}<svg class="bar" viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true">\
    {{#.stages}}<rect class="{{.style}}" x="{{.start}}" y="0" width="{{.share}}" height="2"/>{{/.stages}}</svg>
    <ul class="legend"><li>{{.total}} in all</li>{{#.stages}}<li><i class="{{.style}}"></i>{{.name}} {{.time}}</li>{{/.stages}}</ul>{{/.isMeasured}}
    {{^.isMeasured}}<p class="note">not measured</p>{{/.isMeasured}}
    <h3>What answered</h3>
    <div class="scroll"><table>
    <thead><tr><th></th><th>Name</th><th>Version</th><th>Fingerprint</th><th>Space</th></tr></thead>
    <tbody>
    {{#.rows}}
    <tr><th scope="row">{{.part}}</th><td>{{.name}}</td><td>{{.version}}</td>\
    {{#.fingerprints}}<td><code title="{{.whole}}">{{.short}}</code></td>{{/.fingerprints}}</tr>
    {{/.rows}}
    </tbody>
    </table></div>
    </footer>

    """
}
