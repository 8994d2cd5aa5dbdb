// SPDX-License-Identifier: Apache-2.0

// Serves the echo through gRPC C++'s callback API on a free port of the loopback interface, which it prints.

#include <grpcpp/grpcpp.h>

#include <cstdio>

#include "echo.grpc.pb.h"

namespace {

using illmrec::benchmark::v1::EchoRequest;
using illmrec::benchmark::v1::EchoResponse;

class EchoServer final : public illmrec::benchmark::v1::EchoService::CallbackService {
  grpc::ServerUnaryReactor *Echo(grpc::CallbackServerContext *context, const EchoRequest *request,
                                 EchoResponse *response) override {
    response->set_payload(request->payload());
    grpc::ServerUnaryReactor *reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace

int main() {
  EchoServer echo;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&echo);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  std::printf("%d\n", port);
  std::fflush(stdout);
  server->Wait();
}
