// SPDX-License-Identifier: Apache-2.0

package import PrometheusMetrics
import Traces

/// Every metric of every service, by the part that it tells of. docs/operations.md lists them in these words, and alert rules and
/// dashboard name no others; tests hold all of that.
package enum MetricCatalog {
  package struct Area: Sendable {
    package let title: String
    package let metrics: [MetricDescription]
  }

  package static let areas = [calls, batches, users, models, catalog, indexes, rollouts, traces, process]

  package static var all: [MetricDescription] { areas.flatMap(\.metrics) }

  private static let calls = Area(
    title: "Calls",
    metrics: [
      MetricDescription(
        .histogram, "illmrec_rpc_seconds", labels: ["method", "code"],
        "Time from an RPC's arrival to its end, in seconds; of a stream, as long as it lasted."),
      MetricDescription(
        .counter, "illmrec_rpc_requests_total", labels: ["method", "code"],
        "RPCs that have ended, by gRPC's code; method unknown for all that are not served. Not in it is what gRPC core ends by itself: messages over "
          + "--max-message-bytes, and those that are compressed where that is off."),
      MetricDescription(
        .counter, "illmrec_identity_requests_total", labels: ["identity", "code"],
        "RPCs that have ended, by who made them: a name of the policy, jwt for tokens of its issuer, anonymous, or invalid where credentials were shown that "
          + "are nobody's."),
      MetricDescription(.gauge, "illmrec_rpc_in_flight", labels: ["method"], "RPCs being handled."),
      MetricDescription(
        .counter, "illmrec_rpc_refusals_total", labels: ["method", "reason"],
        "RPCs that failed for a reason of docs/errors.md; OTHER for one that this release does not know."),
      MetricDescription(
        .counter, "illmrec_element_refusals_total", labels: ["reason"],
        "Items, users and queries that failed within an RPC that went well, by the reason."),
    ])

  private static let batches = Area(
    title: "Queues and batches",
    metrics: [
      MetricDescription(
        .histogram, "illmrec_batch_queue_seconds", labels: ["batcher"],
        "Time that an element waited for its batch to begin, in seconds."),
      MetricDescription(
        .histogram, "illmrec_batch_compute_seconds", labels: ["batcher"], "Time that a batch was computed, in seconds."),
      MetricDescription(
        .histogram, "illmrec_batch_size", labels: ["batcher"], buckets: MetricDescription.counts,
        "Elements that were computed together."),
      MetricDescription(
        .gauge, "illmrec_batch_queue_cost", labels: ["batcher"],
        "What waits, in the queue's unit: tokens, images or queries."),
      MetricDescription(
        .counter, "illmrec_batch_refusals_total", labels: ["batcher"],
        "Calls that were not let into the queue, by its amount, its time or their deadline."),
    ])

  private static let users = Area(
    title: "Prompts (LLMService)",
    metrics: [
      MetricDescription(.counter, "illmrec_prompt_tokens_total", "Tokens of prompts that were answered."),
      MetricDescription(
        .counter, "illmrec_prompt_tokens_cached_total", "Of these, those that the prefix cache had."),
      MetricDescription(.gauge, "illmrec_prefix_cache_blocks", "Blocks that the prefix cache holds."),
      MetricDescription(.gauge, "illmrec_prefix_cache_bytes", "Memory of the prefix cache, in bytes."),
      MetricDescription(
        .counter, "illmrec_prefix_cache_evicted_blocks_total", "Blocks that made way for others in the prefix cache."),
    ])

  private static let models = Area(
    title: "Trainings (EncoderService, LLMService)",
    metrics: [
      MetricDescription(
        .gauge, "illmrec_training_loaded", labels: ["training", "name", "version", "is_default"],
        "1 for each training that is held, by the first 12 digits of its space fingerprint."),
      MetricDescription(
        .gauge, "illmrec_training_requests", labels: ["training"], "Requests that use a training at the moment."),
      MetricDescription(
        .gauge, "illmrec_training_bytes", labels: ["training"], "What a training holds of its own, in bytes."),
    ])

  private static let catalog = Area(
    title: "Catalog (EncoderService)",
    metrics: [
      MetricDescription(
        .counter, "illmrec_images_total", labels: ["source"],
        "Images by where their embedding came from: computed by the tower, known to the store, or shared with another request."
      ),
      MetricDescription(.gauge, "illmrec_catalog_draft_items", "Items of the draft."),
      MetricDescription(
        .gauge, "illmrec_catalog_newest_snapshot", "Number of the newest snapshot; 0 before the first."),
      MetricDescription(
        .gauge, "illmrec_catalog_served_snapshot", "Number of the snapshot that is read by default; 0 for none."),
    ])

  private static let indexes = Area(
    title: "Index versions (RetrievalService)",
    metrics: [
      MetricDescription(
        .gauge, "illmrec_index_version_items", labels: ["index", "version", "role"],
        "Items of a version; the role is stable, previous, canary, shadow or none."),
      MetricDescription(
        .gauge, "illmrec_index_generation", labels: ["index"], "Changes of what serves, since the index's begin."),
    ])

  private static let rollouts = Area(
    title: "Rollouts (RetrievalService)",
    metrics: [
      MetricDescription(
        .gauge, "illmrec_rollout_phase", labels: ["index", "phase"],
        "1 for the phase of the last rollout: running, paused, succeeded or rolled_back."),
      MetricDescription(
        .gauge, "illmrec_rollout_stage", labels: ["index"], "Stage of the rollout under way, from 1; 0 for none."),
      MetricDescription(
        .gauge, "illmrec_rollout_share_ratio", labels: ["index", "kind"],
        "Share of users that go to the candidate (canary) or are compared (shadow), 0 to 1."),
      MetricDescription(
        .gauge, "illmrec_gate_value", labels: ["index", "gate"], "What a gate measures; absent while there is nothing."),
      MetricDescription(
        .gauge, "illmrec_gate_threshold", labels: ["index", "gate"], "What a gate compares its value with."),
      MetricDescription(.gauge, "illmrec_gate_samples", labels: ["index", "gate"], "What the value is of."),
      MetricDescription(
        .gauge, "illmrec_gate_state", labels: ["index", "gate", "state"],
        "1 for what a gate says: waiting, open, holding or failed."),
      MetricDescription(
        .counter, "illmrec_shadow_comparisons_total", labels: ["index", "result"],
        "Comparisons off the callers' path: done, failed, or dropped because too many waited."),
      MetricDescription(
        .counter, "illmrec_outcomes_total", labels: ["result"], "Outcomes that callers reported, by what came of them."),
    ])

  private static let traces = Area(
    title: "Traces",
    metrics: [
      MetricDescription(
        .counter, SpanCounts.name, labels: ["result"],
        "Spans of recorded calls: exported, refused by the collector, failed to reach it, or dropped because too many waited."
      )
    ])

  private static let process = Area(
    title: "The process",
    metrics: [
      MetricDescription(
        .gauge, "illmrec_build_info", labels: ["service", "version"], "1; its labels say what runs."),
      MetricDescription(.gauge, "illmrec_ready", "1 while health says SERVING; 0 while loading and draining."),
      MetricDescription(
        .counter, "illmrec_http_requests_total", labels: ["path", "status"],
        "Requests to this HTTP port that it could read."),
      MetricDescription(
        .counter, PrometheusRegistry.droppedName, labels: ["metric"],
        "Series that a metric had no room for; what they counted is in the series {overflow=\"true\"}."),
    ] + ProcessMetrics.descriptions)
}
