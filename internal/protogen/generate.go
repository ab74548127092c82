package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"sort"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// Where the schema lives, from the module's root, and what is made there besides one .pb.go for each .proto.
const (
	schemaDir      = "proto/groupd/v1"
	importRoot     = "proto"
	descriptorFile = "groupd.binpb" // a serialized FileDescriptorSet, without source comments: what other languages load
)

// generate compiles every .proto in schemaDir under root and returns the files to be written there, by path from root. It writes
// nothing. The output depends on the schema and on the versions in go.mod alone.
func generate(ctx context.Context, root string) (map[string][]byte, error) {
	sources, err := filepath.Glob(filepath.Join(root, schemaDir, "*.proto"))
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("no .proto files in %s", filepath.Join(root, schemaDir))
	}
	sort.Strings(sources)
	names := make([]string, len(sources))
	for i, s := range sources {
		rel, err := filepath.Rel(filepath.Join(root, importRoot), s)
		if err != nil {
			return nil, err
		}
		names[i] = filepath.ToSlash(rel)
	}

	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{filepath.Join(root, importRoot)}}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	compiled, err := compiler.Compile(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("compile schema: %w", err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	for _, f := range compiled {
		appendWithImports(set, seen, f)
	}

	out := map[string][]byte{}
	plugin, err := protogen.Options{}.New(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: names,
		Parameter:      proto.String("paths=source_relative"),
		ProtoFile:      set.File,
	})
	if err != nil {
		return nil, fmt.Errorf("set up generator: %w", err)
	}
	for _, f := range plugin.Files {
		if f.Generate {
			internal_gengo.GenerateFile(plugin, f)
		}
	}
	response := plugin.Response()
	if response.Error != nil {
		return nil, fmt.Errorf("generate: %s", response.GetError())
	}
	for _, f := range response.File {
		out[path.Join(importRoot, f.GetName())] = []byte(f.GetContent())
	}

	for _, f := range set.File {
		f.SourceCodeInfo = nil
	}
	descriptors, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("descriptor set: %w", err)
	}
	out[path.Join(schemaDir, descriptorFile)] = descriptors
	return out, nil
}

// appendWithImports adds f after the files it imports, each once: the order that generators and descriptor pools want.
func appendWithImports(set *descriptorpb.FileDescriptorSet, seen map[string]bool, f protoreflect.FileDescriptor) {
	if seen[f.Path()] {
		return
	}
	seen[f.Path()] = true
	imports := f.Imports()
	for i := range imports.Len() {
		appendWithImports(set, seen, imports.Get(i).FileDescriptor)
	}
	set.File = append(set.File, protoutil.ProtoFromFileDescriptor(f))
}

// write stores files under root, leaving alone those that are up to date.
func write(root string, files map[string][]byte) error {
	for name, content := range files {
		at := filepath.Join(root, filepath.FromSlash(name))
		if old, err := os.ReadFile(at); err == nil && string(old) == string(content) {
			continue
		}
		if err := os.WriteFile(at, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
