package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
)

const moduleRoot = "../.."

func TestGeneratedCodeIsWhatTheSchemaSays(t *testing.T) {
	files, err := generate(t.Context(), moduleRoot)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		have, err := os.ReadFile(filepath.Join(moduleRoot, filepath.FromSlash(name)))
		if err != nil {
			t.Errorf("%s is missing: run `go run ./internal/protogen`", name)
		} else if !bytes.Equal(have, want) {
			t.Errorf("%s is stale: run `go run ./internal/protogen`", name)
		}
	}
}

func TestNoGeneratedFileIsLeftFromARemovedSchema(t *testing.T) {
	files, err := generate(t.Context(), moduleRoot)
	if err != nil {
		t.Fatal(err)
	}
	present, err := filepath.Glob(filepath.Join(moduleRoot, schemaDir, "*.pb.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range present {
		if _, ok := files[schemaDir+"/"+filepath.Base(p)]; !ok {
			t.Errorf("%s has no .proto any more", p)
		}
	}
}

func TestDescriptorSetLoadsWithoutProtoc(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(moduleRoot, schemaDir, descriptorFile))
	if err != nil {
		t.Fatal(err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(raw, set); err != nil {
		t.Fatal(err)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := files.FindDescriptorByName("groupd.v1.Page"); err != nil {
		t.Fatal(err)
	}
	for i, f := range set.File { // Python's pool wants imports first
		before := map[string]bool{}
		for _, b := range set.File[:i] {
			before[b.GetName()] = true
		}
		for _, d := range f.Dependency {
			if !before[d] {
				t.Errorf("%s comes before its import %s", f.GetName(), d)
			}
		}
	}
}

func TestABrokenSchemaIsAnErrorThatNamesTheFile(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, schemaDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := generate(t.Context(), root); err == nil {
		t.Fatal("an empty schema folder went through")
	}
	if err := os.WriteFile(filepath.Join(dir, "bad.proto"), []byte("syntax = \"proto3\"; message {"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := generate(t.Context(), root); err == nil || !strings.Contains(err.Error(), "bad.proto") {
		t.Fatalf("got %v", err)
	}
}
