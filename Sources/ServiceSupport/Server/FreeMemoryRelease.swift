// SPDX-License-Identifier: Apache-2.0

import CProcess
import ServiceLifecycle

/// Gives memory that is free back to the system once a minute.
///
/// The C library keeps what was freed in an arena for each of many threads. What a mixed load leaves there grows for hours, to several times
/// what is in use, though nothing leaks.
struct FreeMemoryRelease: Service {
  var interval = Duration.seconds(60)

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while (try? await Task.sleep(for: interval)) != nil { illmrec_release_free_memory() }
    }
  }
}
