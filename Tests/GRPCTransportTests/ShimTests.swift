// SPDX-License-Identifier: Apache-2.0

import CGrpcShim
import TestSupport
import Testing

extension CoreTests {
  /// The C layer by itself: who owns what, and what is left.
  @Suite("The C layer owns and frees what it makes") struct ShimTests {
    /// A queue, a channel that reaches nobody, and a call on it, released in any order.
    struct Objects {
      let queue = illmrec_queue_create("test", 1, nil, nil)
      let channel: OpaquePointer?
      let call: OpaquePointer?

      init() {
        channel = illmrec_channel_create(queue, "ipv4:127.0.0.1:9", nil, nil, 0)
        call = illmrec_channel_create_call(channel, "/test/Test", 10, .max)
      }

      func release() {
        illmrec_call_release(call)
        illmrec_channel_release(channel)
        illmrec_queue_release(queue)
      }
    }

    @Test func `A queue ends with its last user`() async throws {
      // Of the test before.
      try await expectNoLiveObjects()
      let queue = illmrec_queue_create("test", 3, nil, nil)
      #expect(illmrec_live_objects.now.queues == 1)
      illmrec_queue_release(queue)
      try await expectNoLiveObjects()
    }

    @Test func `A queue tells of its end once`() async throws {
      let ended = Signal()
      let queue = illmrec_queue_create(
        "test", 4, { context in Unmanaged<Signal>.fromOpaque(context!).takeRetainedValue().send() },
        Unmanaged.passRetained(ended).toOpaque())
      #expect(!ended.isSent)
      illmrec_queue_release(queue)
      await ended.wait()
      try await expectNoLiveObjects()
    }

    @Test(arguments: 0..<6)
    func `Objects may be released in any order`(_ order: Int) async throws {
      let objects = Objects()
      var releases = [
        { illmrec_queue_release(objects.queue) }, { illmrec_channel_release(objects.channel) },
        { illmrec_call_release(objects.call) },
      ]
      releases.swapAt(0, order % 3)
      releases.swapAt(1, 1 + order % 2)
      for release in releases { release() }
      try await expectNoLiveObjects()
    }

    @Test func `A finished call does not keep its queue`() async throws {
      // Of the test before.
      try await expectNoLiveObjects()
      let objects = Objects()
      illmrec_channel_release(objects.channel)
      illmrec_queue_release(objects.queue)
      #expect(illmrec_live_objects.now.queues == 1)
      illmrec_call_finish(objects.call)
      illmrec_call_finish(objects.call)
      try await waitUntil { illmrec_live_objects.now.queues == 0 }
      #expect(illmrec_live_objects.now.calls == 1)
      illmrec_call_release(objects.call)
      try await expectNoLiveObjects()
    }

    @Test func `A discarded batch leaves nothing`() async throws {
      let objects = Objects()
      let released = Signal()
      let batch = illmrec_batch_create(objects.call)
      let isAdded = illmrec_batch_add_metadata(batch, ILLMREC_INITIAL_METADATA, "key", 3, "value", 5)
      #expect(isAdded)
      illmrec_batch_send_initial_metadata(batch, ILLMREC_WAIT_FOR_READY)
      let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 5, alignment: 1)
      defer { bytes.deallocate() }
      illmrec_batch_send_message(
        batch, bytes.baseAddress, 5, true, Unmanaged.passRetained(released).toOpaque()
      ) { owner in
        Unmanaged<Signal>.fromOpaque(owner!).takeRetainedValue().send()
      }
      illmrec_batch_discard(batch)
      #expect(released.isSent)
      objects.release()
      try await expectNoLiveObjects()
    }

    @Test func `An empty message gives its owner up at once`() async throws {
      let objects = Objects()
      let released = Signal()
      let batch = illmrec_batch_create(objects.call)
      illmrec_batch_send_message(batch, nil, 0, true, Unmanaged.passRetained(released).toOpaque()) { owner in
        Unmanaged<Signal>.fromOpaque(owner!).takeRetainedValue().send()
      }
      #expect(released.isSent)
      illmrec_batch_discard(batch)
      objects.release()
      try await expectNoLiveObjects()
    }

    @Test func `A batch that core refuses is gone`() async throws {
      // Of the test before.
      try await expectNoLiveObjects()
      let objects = Objects()
      let batch = illmrec_batch_create(objects.call)
      // Only servers send a status.
      illmrec_batch_send_status(batch, 0, nil, 0)
      let hasStarted = illmrec_batch_start(batch, nil) { _, _, _ in }
      #expect(!hasStarted)
      #expect(illmrec_live_objects.now.batches == 0)
      objects.release()
      try await expectNoLiveObjects()
    }

    @Test func `A cancelled call completes its batches`() async throws {
      let objects = Objects()
      let done = Signal()
      let batch = illmrec_batch_create(objects.call)
      illmrec_batch_send_initial_metadata(batch, ILLMREC_WAIT_FOR_READY)
      illmrec_batch_receive_initial_metadata(batch)
      illmrec_batch_receive_status(batch)
      let hasStarted = illmrec_batch_start(batch, Unmanaged.passRetained(done).toOpaque()) { context, batch, _ in
        var message: UnsafePointer<CChar>?
        var count = 0
        let status = illmrec_batch_status(batch, &message, &count)
        #expect(status == 1)
        #expect(String(decoding: UnsafeRawBufferPointer(start: message, count: count), as: UTF8.self) == "enough")
        Unmanaged<Signal>.fromOpaque(context!).takeRetainedValue().send()
      }
      #expect(hasStarted)
      illmrec_call_cancel(objects.call, 1, "enough")
      await done.wait()
      objects.release()
      try await expectNoLiveObjects()
    }

    @Test func `What HTTP does not allow is not added`() async throws {
      let objects = Objects()
      let batch = illmrec_batch_create(objects.call)
      func add(_ key: String, _ value: [UInt8]) -> Bool {
        illmrec_batch_add_metadata(batch, ILLMREC_INITIAL_METADATA, key, key.utf8.count, value, value.count)
      }
      #expect(add("key", Array("value".utf8)))
      #expect(add("key-bin", [0, 255]))
      #expect(!add("key", [0]))
      #expect(!add("Key", []))
      #expect(!add("", []))
      #expect(!add("k y", []))
      #expect(!add("schlüssel", []))
      illmrec_batch_discard(batch)
      objects.release()
      try await expectNoLiveObjects()
    }

    @Test func `A malformed target has no channel`() async throws {
      let queue = illmrec_queue_create("test", 1, nil, nil)
      let channel = illmrec_channel_create(queue, "ipv4:nonsense", nil, nil, 0)
      #expect(channel == nil)
      illmrec_queue_release(queue)
      try await expectNoLiveObjects()
    }

    @Test func `A server that never started stops`() async throws {
      let queue = illmrec_queue_create("test", 2, nil, nil)
      let server = illmrec_server_create(queue, nil, 0, 0, nil)
      let port = illmrec_server_listen(server, "127.0.0.1:0", nil, nil, nil, nil)
      #expect(port > 0)
      let method = illmrec_server_register_method(server, "/test/Test", true)
      #expect(method == 0)
      illmrec_queue_release(queue)
      illmrec_server_release(server)
      try await expectNoLiveObjects()
    }

    @Test func `A method is registered once`() async throws {
      let queue = illmrec_queue_create("test", 1, nil, nil)
      let server = illmrec_server_create(queue, nil, 0, 0, nil)
      func register(_ path: String, _ withMessage: Bool) -> Int64 {
        illmrec_server_register_method(server, path, withMessage)
      }
      #expect(register("/test/Test", true) == 0)
      #expect(register("/test/Test", true) == -1)
      #expect(register("/test/Other", false) == 1)
      illmrec_queue_release(queue)
      illmrec_server_release(server)
      try await expectNoLiveObjects()
    }
  }
}
