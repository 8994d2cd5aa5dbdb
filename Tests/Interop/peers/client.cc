// SPDX-License-Identifier: Apache-2.0

// Runs one case of gRPC's own C++ interop client:
//   client TARGET CASE [AUTHORITIES [CERTIFICATE KEY]]

#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>

#include "test/cpp/interop/client_helper.h"
#include "test/cpp/interop/interop_client.h"

namespace grpc {
namespace testing {

// For cases that ask Google who the caller is, which are not run.
std::string GetServiceAccountJsonKey() { return ""; }
std::string GetOauth2AccessToken() { return ""; }

}  // namespace testing
}  // namespace grpc

namespace {

using grpc::testing::InteropClient;

constexpr int kSoakIterations = 100;
constexpr int kSoakLatencyMilliseconds = 10000;
constexpr int kSoakSeconds = 60;

std::string Read(const char *path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::shared_ptr<grpc::ChannelCredentials> Credentials(int count, char **files) {
  if (count == 0) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = Read(files[0]);
  if (count == 3) {
    options.pem_cert_chain = Read(files[1]);
    options.pem_private_key = Read(files[2]);
  }
  return grpc::SslCredentials(options);
}

bool Soak(InteropClient *client, bool of_channels) {
  return of_channels ? client->DoChannelSoakTest(kSoakIterations, 0, kSoakLatencyMilliseconds, 0, kSoakSeconds)
                     : client->DoRpcSoakTest(kSoakIterations, 0, kSoakLatencyMilliseconds, 0, kSoakSeconds);
}

const std::map<std::string, std::function<bool(InteropClient *)>> kCases = {
    {"cancel_after_begin", std::mem_fn(&InteropClient::DoCancelAfterBegin)},
    {"cancel_after_first_response", std::mem_fn(&InteropClient::DoCancelAfterFirstResponse)},
    {"channel_soak", [](InteropClient *client) { return Soak(client, true); }},
    {"client_compressed_streaming", std::mem_fn(&InteropClient::DoClientCompressedStreaming)},
    {"client_compressed_unary", std::mem_fn(&InteropClient::DoClientCompressedUnary)},
    {"client_streaming", std::mem_fn(&InteropClient::DoRequestStreaming)},
    {"custom_metadata", std::mem_fn(&InteropClient::DoCustomMetadata)},
    {"empty_stream", std::mem_fn(&InteropClient::DoEmptyStream)},
    {"empty_unary", std::mem_fn(&InteropClient::DoEmpty)},
    {"half_duplex", std::mem_fn(&InteropClient::DoHalfDuplex)},
    {"large_unary", std::mem_fn(&InteropClient::DoLargeUnary)},
    {"ping_pong", std::mem_fn(&InteropClient::DoPingPong)},
    {"rpc_soak", [](InteropClient *client) { return Soak(client, false); }},
    {"server_compressed_streaming", std::mem_fn(&InteropClient::DoServerCompressedStreaming)},
    {"server_compressed_unary", std::mem_fn(&InteropClient::DoServerCompressedUnary)},
    {"server_streaming", std::mem_fn(&InteropClient::DoResponseStreaming)},
    {"special_status_message", std::mem_fn(&InteropClient::DoSpecialStatusMessage)},
    {"status_code_and_message", std::mem_fn(&InteropClient::DoStatusWithMessage)},
    {"timeout_on_sleeping_server", std::mem_fn(&InteropClient::DoTimeoutOnSleepingServer)},
    {"unimplemented_method", std::mem_fn(&InteropClient::DoUnimplementedMethod)},
    {"unimplemented_service", std::mem_fn(&InteropClient::DoUnimplementedService)},
};

}  // namespace

int main(int argc, char **argv) {
  const auto found = argc < 3 ? kCases.end() : kCases.find(argv[2]);
  if (found == kCases.end()) {
    std::fprintf(stderr, "no such case\n");
    return 2;
  }
  const std::string target = argv[1];
  const auto credentials = Credentials(argc - 3, argv + 3);
  InteropClient client([&] { return grpc::CreateChannel(target, credentials); }, true, false);
  return found->second(&client) ? 0 : 1;
}
