// SPDX-License-Identifier: Apache-2.0

// Serves by the service of gRPC's own C++ interop server, on 127.0.0.1 until it is killed:
//   server PORT [CERTIFICATE KEY [AUTHORITIES]]

#include <iterator>

#include "test/cpp/interop/interop_server.cc"
#include "test/cpp/util/test_credentials_provider.h"

// What the program is linked with that this one stands for.
namespace grpc {
namespace testing {

CredentialsProvider *GetCredentialsProvider() { return nullptr; }

namespace interop {
gpr_atm g_got_sigint;
}

}  // namespace testing
}  // namespace grpc

namespace {

std::string Read(const char *path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::shared_ptr<ServerCredentials> Credentials(int count, char **files) {
  if (count == 0) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(count == 3 ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                                       : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  options.pem_key_cert_pairs.push_back({Read(files[1]), Read(files[0])});
  if (count == 3) options.pem_root_certs = Read(files[2]);
  return grpc::SslServerCredentials(options);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  TestServiceImpl service;
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  builder.AddListeningPort(std::string("127.0.0.1:") + argv[1], Credentials(argc - 2, argv + 2));
  std::unique_ptr<Server> server(builder.BuildAndStart());
  if (server == nullptr) return 1;
  server->Wait();
}
