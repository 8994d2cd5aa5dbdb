// SPDX-License-Identifier: Apache-2.0

import ServiceSupport

/// What the service is told beside its limits, as people write it.
struct RetrievalSettings: SettingGroup {
  @Setting(
    "data", "Directory of the published versions; created when it does not exist, used by one process at a time",
    placeholder: "dir")
  var data: String
  @Setting("threads", "Threads that search; 0 for one per CPU", unit: "threads", allowed: .range(0...1024))
  var threads = 0
  @Setting(
    "encoder",
    "An encoder service, given once for each replica. A version of another training is rolled out only once each of them has that "
      + "training loaded",
    placeholder: "target")
  var encoders: SettingList?
  @Setting("llm", "An LLM service; otherwise as --encoder", placeholder: "target")
  var llms: SettingList?
}
