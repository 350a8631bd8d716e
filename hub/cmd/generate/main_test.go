package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestDeployFollowsFromTheCode(t *testing.T) {
	files, err := files()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("deploy/%s is not what the code gives (%v): run make generate", name, err)
		}
	}
}
