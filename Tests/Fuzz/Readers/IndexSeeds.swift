// SPDX-License-Identifier: Apache-2.0

/// Documents of an index to begin with, without their seals, which are put behind any input.
enum IndexSeeds {
  static let manifest = """
    {
      "format" : 3, "index" : "shop", "number" : 3, "metric" : "inner_product", "dim" : 2, "item_count" : 1, "max_norm" : 1.5,
      "built_by" : {"name" : "m", "version" : "1", "fingerprint" : "0", "spaceFingerprint" : "0", "space_fingerprint" : "0"},
      "labels" : {"a" : "b"}, "request_id" : "", "create_time_unix_micros" : 5, "fingerprint" : "00",
      "files" : [{"name" : "vectors.f32", "bytes" : 3, "sha256" : "00"}], "collection" : "illmrec_x",
      "categories" : {"name" : "categories.u32", "bytes" : 3, "sha256" : "00"},
      "graph" : {"m" : 16, "ef_construction" : 100, "metric" : "inner_product", "codes" : "int8", "library" : "hnswlib",
        "bytes" : 3, "sha256" : "00"}, "catalog" : {"id" : "a", "snapshot" : 2, "fingerprint" : ""}
    """

  static let servingState = """
    {
      "format" : 3, "index" : "shop", "stable" : 1, "previous" : 2, "generation" : 4, "etag" : "e",
      "update_time_unix_micros" : 4, "last_number" : 3, "rollout_count" : 1, "deleted_versions" : [7], "change_count" : 9,
      "last_change" : {"number" : 9, "time_unix_micros" : 4, "action" : "promoted", "version" : "", "actor" : "a",
        "reason" : "", "detail" : "", "generation" : 4, "request_id" : "r"},
      "requests" : [{"id" : "r", "operation" : "o"}],
      "rollout" : {"number" : 1, "candidate" : 3, "baseline" : 1, "phase" : "running", "stage" : 0, "reason" : "",
        "stage_elapsed_micros" : 5, "stage_start_time_unix_micros" : 4, "start_time_unix_micros" : 4,
        "plan" : {"outcome_window_micros" : 600000000, "fallback_to_stable" : true, "stages" : [
          {"automatic" : true, "canary_permille" : 100, "shadow_permille" : 10, "min_micros" : 5, "samples" : 8},
          {"automatic" : false, "canary_permille" : 1000, "shadow_permille" : 0, "min_micros" : 0}],
          "gates" : {"error_probability" : 0.05, "min_samples" : 100, "min_overlap" : 0.5, "outcomes" : [
            {"kind" : "buy", "max_drop" : 0.1, "min_trials" : 5}]}}}
    """

  static let ledger = """
    {"stage": 1, "window_micros": 64000000, "time_micros": 5000000, "epochs": [{"id": 3, "throughMicros": 4000000}],
     "kinds": ["buy", "click"], "buckets": [{"number": 2, "answers": [3, 4], "outcomes": [[1], [0, 2]],
      "reported": [17, 1, 5, 18, 2, 4294967301, 6]}]}
    """
}
