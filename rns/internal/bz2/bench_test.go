package bz2

import (
	"bytes"
	"testing"
)

func BenchmarkCompress(b *testing.B) {
	for name, src := range map[string][]byte{
		"noise": noise(1<<20 - 1),
		"text":  bytes.Repeat([]byte("the river bends twice before the mill "), 1<<20/38),
		"zeros": make([]byte, 1<<20-1),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Compress(src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecompress(b *testing.B) {
	src := noise(1<<20 - 1)
	c, err := Compress(src)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decompress(c, len(src)); err != nil {
			b.Fatal(err)
		}
	}
}
