package bench

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"groupd/api/requests"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns/msgpack"
)

// BenchmarkListOf500Members is one /members request for as many rows as a page may have, from 10,000 members in SQLite: from the request's
// bytes to the answer's.
func BenchmarkListOf500Members(b *testing.B) {
	hub, reader, _ := largeGroup(b)
	server, err := requests.New(requests.Config{Hub: hub, Group: main})
	if err != nil {
		b.Fatal(err)
	}
	data, err := proto.Marshal(&groupdv1.MembersRequest{Limit: 500, MaxBytes: 256 << 10})
	if err != nil {
		b.Fatal(err)
	}
	request := msgpack.Bin(data)
	var size int
	b.ReportAllocs()
	for b.Loop() {
		answer, ok := server.Handle(b.Context(), reader, requests.Prefix+"/members", request, requests.BasePacket).Bin()
		if !ok || len(answer) < 300 {
			b.Fatalf("answer of %d bytes", len(answer))
		}
		size = len(answer)
	}
	b.ReportMetric(float64(size), "answer-bytes")
}
