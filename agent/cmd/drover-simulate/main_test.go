package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMistakesAreSaid(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--shard 0/4":                        "write it as 1/4, the first of four",
		"--shard two":                        "write it as 1/4, the first of four",
		"--at-once 0":                        "--at-once 0: it is one at least",
		"more":                               `unknown argument "more"`,
		"--data-dir /nowhere --hub= ":        "no hub is known here",
		"--hub http://127.0.0.1:1 --token x": "ask the hub: ",
	} {
		var stderr bytes.Buffer
		list := append(strings.Fields(args), "--hub-ca=")
		if code := run(t.Context(), list, strings.NewReader(""), &bytes.Buffer{}, &stderr); code == 0 ||
			!strings.Contains(stderr.String(), want) {
			t.Errorf("%s: exit code %d, %s; want %q in it", args, code, stderr.String(), want)
		}
	}
}

// Clusters that have an agent are left alone, but those that were simulated before; each part has clusters of its own.
func TestWhichClustersAreSimulated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "again.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	rows := []row{{"a", stateAwaiting}, {"real", "connected"}, {"away", "offline"}, {"again", "offline"},
		{"gone", stateReleased}, {"b", stateAwaiting}}
	names, others := flags{shard: 1, shards: 1, state: dir}.choose(rows)
	if !slices.Equal(names, []string{"a", "again", "b"}) || others != 2 {
		t.Errorf("%q are simulated, and %d have agents", names, others)
	}
	var all []string
	for part := range 4 {
		some, _ := flags{shard: part + 1, shards: 4, state: dir}.choose(rows)
		all = append(all, some...)
	}
	if slices.Sort(all); !slices.Equal(all, names) {
		t.Errorf("four parts have %q", all)
	}
}

func TestACredentialIsKeptInItsFile(t *testing.T) {
	t.Parallel()
	ctx, f := context.Background(), flags{state: t.TempDir()}
	if c, p, err := f.vault("a").Load(ctx); c != nil || p != nil || err != nil {
		t.Errorf("an empty one holds %s, %s, %v", c, p, err)
	}
	if err := f.vault("a").Save(ctx, []byte("credential"), nil); err != nil {
		t.Fatal(err)
	}
	if c, p, err := f.vault("a").Load(ctx); string(c) != "credential" || p != nil || err != nil || !f.known("a") ||
		f.known("b") {
		t.Errorf("it holds %s, %s, %v", c, p, err)
	}
	if err := os.WriteFile(f.file("a"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.vault("a").Load(ctx); err == nil || !strings.Contains(err.Error(), "drover cluster revoke") {
		t.Errorf("a damaged one: %v", err)
	}
}
