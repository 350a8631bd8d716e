package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestGeneratedFilesFollowFromTheCode(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	files, err := files(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the code gives (%v): run make generate", name, err)
		}
	}
}
