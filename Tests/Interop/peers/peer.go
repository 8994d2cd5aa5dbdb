// SPDX-License-Identifier: Apache-2.0

// The client and server of grpc-go's interoperability tests:
//
//	peer server PORT [CERTIFICATE KEY [AUTHORITIES]]     on 127.0.0.1, until it is killed
//	peer client TARGET CASE [AUTHORITIES [CERTIFICATE KEY]]
package main

import (
	"crypto/tls"
	"crypto/x509"
	"log"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func authorities(file string) *x509.CertPool {
	text, err := os.ReadFile(file)
	must(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

func certificates(files []string) []tls.Certificate {
	certificate, err := tls.LoadX509KeyPair(files[0], files[1])
	must(err)
	return []tls.Certificate{certificate}
}

func serve(port string, files []string) {
	var options []grpc.ServerOption
	if len(files) > 0 {
		config := &tls.Config{Certificates: certificates(files)}
		if len(files) == 3 {
			config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, authorities(files[2])
		}
		options = append(options, grpc.Creds(credentials.NewTLS(config)))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	must(err)
	server := grpc.NewServer(options...)
	testpb.RegisterTestServiceServer(server, interop.NewTestServer())
	must(server.Serve(listener))
}

func dial(target string, files []string) *grpc.ClientConn {
	option := grpc.WithInsecure()
	if len(files) > 0 {
		config := &tls.Config{RootCAs: authorities(files[0])}
		if len(files) == 3 {
			config.Certificates = certificates(files[1:])
		}
		option = grpc.WithTransportCredentials(credentials.NewTLS(config))
	}
	connection, err := grpc.Dial(target, option, grpc.WithBlock())
	must(err)
	return connection
}

type call = func(testpb.TestServiceClient, ...grpc.CallOption)

var cases = map[string]call{
	"cancel_after_begin":          interop.DoCancelAfterBegin,
	"cancel_after_first_response": interop.DoCancelAfterFirstResponse,
	"client_streaming":            interop.DoClientStreaming,
	"custom_metadata":             interop.DoCustomMetadata,
	"empty_stream":                interop.DoEmptyStream,
	"empty_unary":                 interop.DoEmptyUnaryCall,
	"large_unary":                 interop.DoLargeUnaryCall,
	"ping_pong":                   interop.DoPingPong,
	"server_streaming":            interop.DoServerStreaming,
	"special_status_message":      interop.DoSpecialStatusMessage,
	"status_code_and_message":     interop.DoStatusCodeAndMessage,
	"timeout_on_sleeping_server":  interop.DoTimeoutOnSleepingServer,
}

// Each ends the process where the case does not hold.
func run(connection *grpc.ClientConn, name string) {
	switch name {
	case "unimplemented_method":
		interop.DoUnimplementedMethod(connection)
	case "unimplemented_service":
		interop.DoUnimplementedService(testpb.NewUnimplementedServiceClient(connection))
	default:
		do, known := cases[name]
		if !known {
			log.Fatal("no such case: ", name)
		}
		do(testpb.NewTestServiceClient(connection))
	}
}

func main() {
	switch arguments := os.Args[1:]; arguments[0] {
	case "server":
		serve(arguments[1], arguments[2:])
	case "client":
		connection := dial(arguments[1], arguments[3:])
		defer connection.Close()
		run(connection, arguments[2])
	}
}
