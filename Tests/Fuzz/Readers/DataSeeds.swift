// SPDX-License-Identifier: Apache-2.0

/// Data sets to begin with; the files of one with a separator between them.
enum DataSeeds {
  private static func joined(_ files: String...) -> String { files.joined(separator: "\u{1E}") }

  static let amazon = [
    "json": joined(
      """
      {"reviewerID": "u", "asin": "a", "overall": 5.0, "unixReviewTime": 3}
      {"user_id": "u", "parent_asin": 17, "asin": "x", "timestamp": "1600000000000"}
      """,
      """
      {"asin": "a", "title": " A <b> chair", "categories": [["Home", "Chairs"]], "imUrl": "http://x/a.jpg", "price": 3.5}
      {"parent_asin": "17.0", "title": null, "images": [{"hi_res": null, "large": "http://x/b.jpg"}], "features": ["x"]}
      """),
    "python": joined(
      "{'reviewerID': 'u', 'asin': 'a', 'unixReviewTime': 3}\n",
      "{'asin': 'a', 'title': 'A \\x41 \"chair\"', 'imUrl': None, 'related': {'also': [True, False]}}\n"),
    "columns": joined(
      "{\"user_id\": \"u\", \"parent_asin\": \"a\", \"timestamp\": 1}\n",
      "{\"parent_asin\": \"a\", \"images\": {\"hi_res\": [null, \"http://x/c\"], \"large\": [\"http://x/d\"]}}\n"),
  ]

  static let movieLens = [
    "lines": joined(
      "1::Toy Story (1995)::Animation|Comedy\n2::Jumanji::Adventure\n", "1::1::5::978300760\n1::2::3::1\n"),
    "table": joined(
      "movieId,title,genres\n1,\"Toy, Story\",(no genres listed)\n", "userId,movieId,rating,timestamp\n1,1,5,97.5\n"),
  ]

  static let recBole = [
    "typed": joined(
      "item_id:token\tmovie_title:token_seq\tclass:token_seq\n1\tToy Story\tAnimation Comedy\n",
      "user_id:token\titem_id:token\trating:float\ttimestamp:float\nu\t1\t5\t1e3\n")
  ]

  static let catalog = [
    "jsonl": joined(
      "{\"item_id\": \"a\", \"title\": \"A\", \"genres\": [\"x\", \"y\"]}\n{\"item_id\": 2}\n{\"item_id\": \"c\"}\n",
      "user_id,item_id,timestamp\nu,a,1\nu,2.0,2\nu,c,3\n",
      "{\"user_id\": \"u\", \"train\": [\"a\"], \"valid\": [2], \"test\": [\"c\"], \"negatives\": []}\n"),
    "table": joined("item_id,title,image\na,\"x \"\"y\"\"\",a.jpg\nb,,\n", "user_id,asin\nu,a\nu,b\n"),
  ]

  static let published = [
    "small": joined(
      #"{"0": {"title": "a", "price": "1"}, "1": {"title": "b", "description": ["x"]}, "2": {}}"#,
      #"{"u": [[0, 5], [1, 6]], "v": [1]}"#, "u 2\nv 0 2\n")
  ]

  static let json = [
    "document": #"{"id": "a\u00e9\ud83d\ude00\n", "price": -12.5e+3, "tags": ["x", null, true, false, NaN], "n": 0}"#,
    "text": #""\u0041\ud83d\ude00 \"é\" \/""#, "number": "-9223372036854775808", "nested": #"{"k": [[], {"l": {}}]}"#,
  ]
}
